// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"strconv"
	"unsafe"
)

// Recommendation is an item with its score.
type Recommendation struct {
	Item  int32
	Score float32
}

// NamedRecommendation is an item by its name.
type NamedRecommendation struct {
	Name  string
	Item  int32
	Score float32
}

// IDRecommendation is an item by an id that is an integer.
type IDRecommendation struct {
	ID    int64
	Item  int32
	Score float32
}

// RecommendOptions say what may be recommended; zero values are the defaults. Unknown ids and
// names are passed over. Names need a model that has them. The lists become a filter for this
// one call: what stays the same over many calls belongs into Filter.
type RecommendOptions struct {
	IncludeHistory bool     // items of the history may be recommended again
	Filter         *Filter  // beside the lists: what is recommended, both allow
	Excluded       []int32  // items to leave out
	ExcludedNames  []string // likewise
	// Candidates and CandidateNames, when one is not nil, are all that may be recommended; the
	// history and what is excluded are still left out.
	Candidates     []int32
	CandidateNames []string
}

// prepared is the filter that was made before, nil without.
func (o *RecommendOptions) prepared() *Filter {
	if o == nil {
		return nil
	}
	return o.Filter
}

// lists are the lists as a filter, and whether there are any.
func (o *RecommendOptions) lists() (FilterOptions, bool) {
	if o == nil {
		return FilterOptions{}, false
	}
	return FilterOptions{o.Candidates, o.CandidateNames, o.Excluded, o.ExcludedNames},
		o.Candidates != nil || o.CandidateNames != nil || len(o.Excluded) > 0 ||
			len(o.ExcludedNames) > 0
}

// mostDirect is for how many items a call without lists keeps room; more are asked for as a
// request, which has room for what there is.
const mostDirect = 1024

// Recommend gives the k best next items of a history, oldest item first: falling scores, the
// lower id first where they are equal. Items that the model does not know are passed over. There
// are fewer than k when no more are left. Where the model knows no item of the history, the
// answer is the most popular items with their shares of all events, if it has their popularity,
// else nothing. options may be nil. Errors: ErrArgument, ErrMemory, ErrEngine.
func (r *Recommender) Recommend(history []int32, k int, options *RecommendOptions) (
	[]Recommendation, error) {
	return r.AppendRecommend(nil, history, k, options)
}

// AppendRecommend appends to a slice what Recommend gives. It allocates nothing when the slice
// has room. After an error the slice is as it was.
func (r *Recommender) AppendRecommend(best []Recommendation, history []int32, k int,
	options *RecommendOptions) ([]Recommendation, error) {
	if k < 0 {
		return best, negativeK(k)
	}
	_, listed := options.lists()
	if listed || k > mostDirect || options != nil && options.IncludeHistory {
		err := r.ask(func(recommender unsafe.Pointer, s *seat) error {
			s.items = append(s.items[:0], history...)
			s.offsets = append(s.offsets[:0], 0, int64(len(history)))
			return s.recommend(recommender, question{k: k}, options, func() error {
				err := s.read(0)
				if err == nil {
					best = s.append(best)
				}
				return err
			})
		})
		return best, err
	}
	err := r.ask(func(recommender unsafe.Pointer, s *seat) error {
		return options.prepared().useOptional(func(filter unsafe.Pointer) error {
			s.ids, s.scores = grown(s.ids, k), grown(s.scores, k)
			err := failure(func() status {
				return C.s3go_recommend(recommender, int32s(history), C.size_t(len(history)),
					filter, C.size_t(k), int32s(s.ids), floats(s.scores), &s.count)
			})
			if err != nil {
				return err
			}
			for i := 0; i < int(s.count); i++ {
				best = append(best, Recommendation{s.ids[i], s.scores[i]})
			}
			return nil
		})
	})
	return best, err
}

func negativeK(k int) error { return argumentError("k is %d, must not be negative", k) }

// RecommendNames is Recommend for a model with names: a history of names, names back. Error:
// ErrArgument too (the model has no names).
func (r *Recommender) RecommendNames(history []string, k int, options *RecommendOptions) (
	[]NamedRecommendation, error) {
	return r.AppendRecommendNames(nil, history, k, options)
}

// AppendRecommendNames appends to a slice what RecommendNames gives; only the names are
// allocated when the slice has room. After an error the slice is as it was.
func (r *Recommender) AppendRecommendNames(best []NamedRecommendation, history []string, k int,
	options *RecommendOptions) ([]NamedRecommendation, error) {
	err := r.ask(func(recommender unsafe.Pointer, s *seat) error {
		s.text, s.offsets = appendNames(s.text[:0], s.offsets[:0], history)
		return s.recommendNamed(recommender, k, options, func() error {
			best = s.appendNamed(best)
			return nil
		})
	})
	return best, err
}

// RecommendIDs is RecommendNames for a model whose names are integers (NamesInteger). Error:
// ErrMismatch too (they are text).
func (r *Recommender) RecommendIDs(history []int64, k int, options *RecommendOptions) (
	[]IDRecommendation, error) {
	return r.AppendRecommendIDs(nil, history, k, options)
}

// AppendRecommendIDs appends to a slice what RecommendIDs gives.
func (r *Recommender) AppendRecommendIDs(best []IDRecommendation, history []int64, k int,
	options *RecommendOptions) ([]IDRecommendation, error) {
	known := len(best)
	err := r.ask(func(recommender unsafe.Pointer, s *seat) error {
		s.text, s.offsets = appendIntegers(s.text[:0], s.offsets[:0], history)
		return s.recommendNamed(recommender, k, options, func() error {
			integers, err := r.namesAreIntegers()
			if err != nil {
				return err
			}
			if !integers {
				return &Error{ErrMismatch, "the model's names are text, not integers (RecommendNames)"}
			}
			ids, scores := s.ranks()
			for i, item := range ids {
				id, err := strconv.ParseInt(s.name(i), 10, 64)
				if err != nil { // the model was exchanged meanwhile
					return &Error{ErrMismatch, err.Error()}
				}
				best = append(best, IDRecommendation{id, item, scores[i]})
			}
			return nil
		})
	})
	if err != nil {
		best = best[:known]
	}
	return best, err
}

// RecommendBatch gives what Recommend gives for each of many histories, faster than one by one:
// more than 64 are shared out to the Context's threads. One model answers for all; options hold
// for all.
func (r *Recommender) RecommendBatch(histories [][]int32, k int, options *RecommendOptions) (
	[][]Recommendation, error) {
	if k < 0 {
		return nil, negativeK(k)
	}
	best := make([][]Recommendation, len(histories))
	err := r.ask(func(recommender unsafe.Pointer, s *seat) error {
		s.items, s.offsets = flatten(s.items, s.offsets, histories)
		return s.recommend(recommender, question{k: k}, options, func() error {
			ids, scores, width, err := s.rows()
			for user := 0; user < len(best) && err == nil; user++ {
				best[user] = make([]Recommendation, 0, width)
				for i := user * width; i < (user+1)*width && ids[i] != 0; i++ {
					best[user] = append(best[user], Recommendation{ids[i], scores[i]})
				}
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return best, nil
}
