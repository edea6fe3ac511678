// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"strconv"
	"unsafe"
)

// Vocabulary is names of items, users or attributes, numbered from a first id on. It never
// changes; any number of goroutines may share one.
type Vocabulary struct{ h *handle }

// NameKind is what names were before they were text.
type NameKind int32

// The kinds of names.
const (
	NamesText    NameKind = C.S3REC_NAMES_TEXT    // any text
	NamesInteger NameKind = C.S3REC_NAMES_INTEGER // integers in decimal
)

// Names are ids of one column: Strings or Integers.
type Names interface {
	// columns puts them behind one another: name i is text[offsets[i]:offsets[i+1]].
	columns() (text []byte, offsets []int64)
	// integers are the ids as they are, nil when they are text.
	integers() []int64
	Len() int
}

func kindOf(names Names) NameKind {
	if names.integers() != nil {
		return NamesInteger
	}
	return NamesText
}

// Strings are names that are text.
type Strings []string

// Integers are names that are integers.
type Integers []int64

// Len is the number of names.
func (s Strings) Len() int { return len(s) }

// Len is the number of names.
func (i Integers) Len() int { return len(i) }

func (s Strings) integers() []int64 { return nil }
func (i Integers) integers() []int64 {
	if i == nil {
		return []int64{}
	}
	return i
}

func (s Strings) columns() ([]byte, []int64) {
	length := 0
	for _, name := range s {
		length += len(name)
	}
	return appendNames(make([]byte, 0, length), make([]int64, 0, len(s)+1), s)
}

func (i Integers) columns() ([]byte, []int64) {
	return appendIntegers(nil, make([]int64, 0, len(i)+1), i)
}

func appendNames(text []byte, offsets []int64, names []string) ([]byte, []int64) {
	offsets = append(offsets, 0)
	for _, name := range names {
		text = append(text, name...)
		offsets = append(offsets, int64(len(text)))
	}
	return text, offsets
}

func appendIntegers(text []byte, offsets []int64, values []int64) ([]byte, []int64) {
	offsets = append(offsets, 0)
	for _, value := range values {
		text = strconv.AppendInt(text, value, 10)
		offsets = append(offsets, int64(len(text)))
	}
	return text, offsets
}

func newVocabulary(made *C.s3rec_vocabulary, root *root) *Vocabulary {
	return &Vocabulary{newHandle("vocabulary", unsafe.Pointer(made), root,
		func(pointer unsafe.Pointer) {
			C.s3rec_vocabulary_destroy((*C.s3rec_vocabulary)(pointer))
		})}
}

// vocabularyOf gives the names that something has, nil when it has none.
func vocabularyOf(root *root, get func(**C.s3rec_vocabulary) status) (*Vocabulary, error) {
	var names *C.s3rec_vocabulary
	err := failure(func() status { return get(&names) })
	if err != nil || names == nil {
		return nil, err
	}
	return newVocabulary(names, root), nil
}

// NewVocabulary numbers names from firstID on: 1 for items, 0 for users and attributes. They
// are distinct, 1..4096 bytes of valid UTF-8 without NUL. Errors: ErrArgument, ErrMemory;
// ErrFormat names the index and what is wrong with it.
func NewVocabulary(c *Context, firstID int32, names Names) (vocabulary *Vocabulary, err error) {
	if names == nil {
		names = Strings(nil)
	}
	text, offsets := names.columns()
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		var made *C.s3rec_vocabulary
		err := failure(func() status {
			return C.s3rec_vocabulary_create(context, C.s3rec_name_kind(kindOf(names)),
				C.int32_t(firstID), texts(text), int64s(offsets), C.size_t(names.Len()), &made)
		})
		if err == nil {
			vocabulary = newVocabulary(made, root)
		}
		return err
	})
	return vocabulary, err
}

func (v *Vocabulary) use(call func(*C.s3rec_vocabulary) error) error {
	var h *handle
	if v != nil {
		h = v.h
	}
	return h.use("vocabulary", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_vocabulary)(pointer))
	})
}

// useOptional is use, with nil for a nil vocabulary.
func (v *Vocabulary) useOptional(call func(*C.s3rec_vocabulary) error) error {
	if v == nil {
		return call(nil)
	}
	return v.use(call)
}

// Close lets the vocabulary go; models and data sets keep their names. It may be called
// again.
func (v *Vocabulary) Close() error {
	if v != nil {
		v.h.close()
	}
	return nil
}

// Len is the number of names; 0 when closed.
func (v *Vocabulary) Len() (count int) {
	_ = v.use(func(vocabulary *C.s3rec_vocabulary) error {
		count = int(C.s3rec_vocabulary_count(vocabulary))
		return nil
	})
	return count
}

// FirstID is the id of the first name; 0 when closed.
func (v *Vocabulary) FirstID() (id int32) {
	_ = v.use(func(vocabulary *C.s3rec_vocabulary) error {
		id = int32(C.s3rec_vocabulary_first_id(vocabulary))
		return nil
	})
	return id
}

// Kind is what the names were; NamesText when closed.
func (v *Vocabulary) Kind() (kind NameKind) {
	kind = NamesText
	_ = v.use(func(vocabulary *C.s3rec_vocabulary) error {
		kind = NameKind(C.s3rec_vocabulary_kind(vocabulary))
		return nil
	})
	return kind
}

// Name gives the name of an id. Error: ErrNotFound.
func (v *Vocabulary) Name(id int32) (name string, err error) {
	err = v.use(func(vocabulary *C.s3rec_vocabulary) error {
		name, err = nameOf(vocabulary, id)
		return err
	})
	return name, err
}

func nameOf(vocabulary *C.s3rec_vocabulary, id int32) (string, error) {
	var name *C.char
	err := failure(func() status {
		return C.s3rec_vocabulary_name(vocabulary, C.int32_t(id), &name, nil)
	})
	return C.GoString(name), err // of NULL ""
}

// All gives all names, that of the first id first.
func (v *Vocabulary) All() (names []string, err error) {
	err = v.use(func(vocabulary *C.s3rec_vocabulary) error {
		var text *C.char
		var begin *C.int64_t
		err := failure(func() status { return C.s3rec_vocabulary_text(vocabulary, &text, &begin) })
		if err != nil {
			return err
		}
		names = make([]string, int(C.s3rec_vocabulary_count(vocabulary)))
		if len(names) == 0 {
			return nil
		}
		offsets := unsafe.Slice((*int64)(unsafe.Pointer(begin)), len(names)+1)
		for i := range names {
			// A NUL is behind each name.
			names[i] = C.GoStringN((*C.char)(unsafe.Add(unsafe.Pointer(text), offsets[i])),
				C.int(offsets[i+1]-1-offsets[i]))
		}
		return nil
	})
	return names, err
}

// Find gives the id of a name. Error: ErrNotFound.
func (v *Vocabulary) Find(name string) (int32, error) {
	text := []byte(name)
	var id C.int32_t
	err := v.use(checked(func(vocabulary *C.s3rec_vocabulary) status {
		return C.s3rec_vocabulary_find(vocabulary, texts(text), C.size_t(len(text)), &id)
	}))
	return int32(id), err
}

// FindAll gives the ids of many names, -1 for those that are not there; a history may contain
// that, scoring passes over it.
func (v *Vocabulary) FindAll(names Names) ([]int32, error) {
	if names == nil || names.Len() == 0 {
		return nil, v.use(func(*C.s3rec_vocabulary) error { return nil })
	}
	text, offsets := names.columns()
	ids := make([]int32, names.Len())
	err := v.use(checked(func(vocabulary *C.s3rec_vocabulary) status {
		return C.s3rec_vocabulary_find_many(vocabulary, texts(text), int64s(offsets),
			C.size_t(len(ids)), int32s(ids))
	}))
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// ItemNames gives the names of the model's items, nil without. Close them.
func (m *Model) ItemNames() (names *Vocabulary, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		names, err = vocabularyOf(m.h.root, func(names **C.s3rec_vocabulary) status {
			return C.s3rec_model_item_names(model, names)
		})
		return err
	})
	return names, err
}

// AttributeNames gives the names of the model's attributes, nil without. Close them.
func (m *Model) AttributeNames() (names *Vocabulary, err error) {
	err = m.read(func(model *C.s3rec_model) error {
		names, err = vocabularyOf(m.h.root, func(names **C.s3rec_vocabulary) status {
			return C.s3rec_model_attribute_names(model, names)
		})
		return err
	})
	return names, err
}

// SetNames gives the model names for its items and attributes, which are saved with it; nil
// takes them away. Errors: ErrArgument; ErrMismatch (other counts).
func (m *Model) SetNames(items, attributes *Vocabulary) error {
	return m.write(func(model *C.s3rec_model) error {
		return items.useOptional(func(items *C.s3rec_vocabulary) error {
			return attributes.useOptional(checked(func(attributes *C.s3rec_vocabulary) status {
				return C.s3rec_model_set_names(model, items, attributes)
			}))
		})
	})
}
