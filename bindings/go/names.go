// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge_names.h"
import "C"

import (
	"strconv"
	"unsafe"
)

// itemNames is a reference of a model's own to the names of its items. It changes when the
// model is written only.
type itemNames struct {
	vocabulary unsafe.Pointer // s3rec_vocabulary, nil without names
	integers   bool
}

func (n *itemNames) take(model *C.s3rec_model) {
	n.drop()
	n.vocabulary = C.s3go_model_item_names(model).handle
	n.integers = NameKind(C.s3rec_vocabulary_kind((*C.s3rec_vocabulary)(n.vocabulary))) ==
		NamesInteger
}

func (n *itemNames) drop() {
	C.s3rec_vocabulary_destroy((*C.s3rec_vocabulary)(n.vocabulary))
	n.vocabulary = nil
}

// ItemNames gives the names of the model's items, nil without. Close them.
func (m *Model) ItemNames() (names *Vocabulary, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		result := C.s3go_model_item_names(model)
		names = newVocabulary(result, m.h.root)
		return failure(result)
	})
	return names, err
}

// AttributeNames gives the names of the model's attributes, nil without. Close them.
func (m *Model) AttributeNames() (names *Vocabulary, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		result := C.s3go_model_attribute_names(model)
		names = newVocabulary(result, m.h.root)
		return failure(result)
	})
	return names, err
}

// SetNames gives the model names for its items and attributes, which are saved with it; nil
// takes them away. Errors: ErrArgument; ErrMismatch (other counts).
func (m *Model) SetNames(items, attributes *Vocabulary) error {
	return m.write(func(model *C.s3rec_model) error {
		return items.useOptional(func(items *C.s3rec_vocabulary) error {
			return attributes.useOptional(func(attributes *C.s3rec_vocabulary) error {
				if err := failure(C.s3go_model_set_names(model, items, attributes)); err != nil {
					return err
				}
				m.inside.names.take(model)
				return nil
			})
		})
	})
}

// ItemNames gives the names of the items, nil unless the data set was made of events. Close
// them.
func (d *Dataset) ItemNames() (names *Vocabulary, err error) {
	err = d.use(func(dataset *C.s3rec_dataset) error {
		result := C.s3go_dataset_item_names(dataset)
		names = newVocabulary(result, d.h.root)
		return failure(result)
	})
	return names, err
}

// UserNames gives the names of the users, likewise; their ids are the users of the data set.
func (d *Dataset) UserNames() (names *Vocabulary, err error) {
	err = d.use(func(dataset *C.s3rec_dataset) error {
		result := C.s3go_dataset_user_names(dataset)
		names = newVocabulary(result, d.h.root)
		return failure(result)
	})
	return names, err
}

// AttributeNames gives the names of the attributes, likewise.
func (d *Dataset) AttributeNames() (names *Vocabulary, err error) {
	err = d.use(func(dataset *C.s3rec_dataset) error {
		result := C.s3go_dataset_attribute_names(dataset)
		names = newVocabulary(result, d.h.root)
		return failure(result)
	})
	return names, err
}

// find appends the ids of names, -1 for unknown ones.
func (s *scorer) find(ids []int32, inside *modelState, names []string) ([]int32, error) {
	s.text, s.offsets = appendNames(s.text[:0], s.offsets[:0], names)
	return s.lookUp(ids, inside, len(names))
}

// lookUp is find for names that lie in the scorer's arrays.
func (s *scorer) lookUp(ids []int32, inside *modelState, count int) ([]int32, error) {
	if inside.names.vocabulary == nil {
		return ids, &Error{ErrNotFound, "the model has no names of items (SetNames)"}
	}
	known := len(ids)
	for i := 0; i < count; i++ {
		ids = append(ids, -1)
	}
	err := failure(C.s3go_vocabulary_find_many(inside.names.vocabulary, chars(s.text),
		int64s(s.offsets), C.size_t(count), int32s(ids[known:])))
	return ids, err
}

// NamedRecommendation is an item by its name.
type NamedRecommendation struct {
	Name  string
	Item  int32
	Score float32
}

// RecommendNames is Recommend for a model with names: a history of names, names back. Unknown
// names are skipped. Error: ErrNotFound (the model has no names).
func (m *Model) RecommendNames(history []string, k int, options *RecommendOptions) (
	[]NamedRecommendation, error) {
	return m.AppendRecommendNames(nil, history, k, options)
}

// AppendRecommendNames appends to a slice what RecommendNames gives; only the names are
// allocated when the slice has room. After an error the slice is as it was.
func (m *Model) AppendRecommendNames(best []NamedRecommendation, history []string, k int,
	options *RecommendOptions) ([]NamedRecommendation, error) {
	err := m.score(func(s *scorer) (err error) {
		if s.values, err = s.find(s.values[:0], m.inside, history); err != nil {
			return err
		}
		count, err := s.rank(m.inside, s.values, k, options)
		known := len(best)
		for i := 0; i < count; i++ {
			name, err := nameOf((*C.s3rec_vocabulary)(m.inside.names.vocabulary), s.ids[i])
			if err != nil {
				best = best[:known]
				return err
			}
			best = append(best, NamedRecommendation{name, s.ids[i], s.scores[i]})
		}
		return err
	})
	return best, err
}

// IDRecommendation is an item by an id that is an integer.
type IDRecommendation struct {
	ID    int64
	Item  int32
	Score float32
}

// RecommendIDs is RecommendNames for a model whose names are integers (NamesInteger). Error:
// ErrMismatch (they are text).
func (m *Model) RecommendIDs(history []int64, k int, options *RecommendOptions) (
	[]IDRecommendation, error) {
	return m.AppendRecommendIDs(nil, history, k, options)
}

// AppendRecommendIDs appends to a slice what RecommendIDs gives.
func (m *Model) AppendRecommendIDs(best []IDRecommendation, history []int64, k int,
	options *RecommendOptions) ([]IDRecommendation, error) {
	err := m.score(func(s *scorer) (err error) {
		s.text, s.offsets = appendIntegers(s.text[:0], s.offsets[:0], history)
		if s.values, err = s.lookUp(s.values[:0], m.inside, len(history)); err != nil {
			return err
		}
		if !m.inside.names.integers {
			return &Error{ErrMismatch, "the model's names are text, not integers (RecommendNames)"}
		}
		count, err := s.rank(m.inside, s.values, k, options)
		known := len(best)
		for i := 0; i < count; i++ {
			name, err := nameOf((*C.s3rec_vocabulary)(m.inside.names.vocabulary), s.ids[i])
			id, unparsed := strconv.ParseInt(name, 10, 64)
			if err == nil && unparsed != nil {
				err = &Error{ErrFormat, unparsed.Error()}
			}
			if err != nil {
				best = best[:known]
				return err
			}
			best = append(best, IDRecommendation{id, s.ids[i], s.scores[i]})
		}
		return err
	})
	return best, err
}
