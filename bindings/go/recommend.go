// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

// Recommendation is an item with its score.
type Recommendation struct {
	Item  int32
	Score float32
}

// RecommendOptions say what may be recommended; zero values are the defaults. Unknown ids and
// names are ignored. Names need a model that has them.
type RecommendOptions struct {
	IncludeHistory bool     // items of the history may be recommended again
	Excluded       []int32  // further items to leave out
	ExcludedNames  []string // likewise
	// Candidates and CandidateNames, when one is not nil, are all that may be recommended; the
	// history and what is excluded are still left out.
	Candidates     []int32
	CandidateNames []string
}

// flatOptions are options in the form of C.
type flatOptions struct {
	include              C.int32_t
	excluded, candidates []int32
	candidateCount       C.int64_t
}

// flatten gives the form of C of options, which may be nil.
func (s *scorer) flatten(inside *modelState, o *RecommendOptions) (flat flatOptions, err error) {
	flat.candidateCount = -1
	if o == nil {
		return flat, nil
	}
	if o.IncludeHistory {
		flat.include = 1
	}
	flat.excluded, flat.candidates = o.Excluded, o.Candidates
	if len(o.ExcludedNames) > 0 {
		s.excluded = append(s.excluded[:0], o.Excluded...)
		if s.excluded, err = s.find(s.excluded, inside, o.ExcludedNames); err != nil {
			return flat, err
		}
		flat.excluded = s.excluded
	}
	if len(o.CandidateNames) > 0 {
		s.candidates = append(s.candidates[:0], o.Candidates...)
		if s.candidates, err = s.find(s.candidates, inside, o.CandidateNames); err != nil {
			return flat, err
		}
		flat.candidates = s.candidates
	}
	if o.Candidates != nil || o.CandidateNames != nil {
		flat.candidateCount = C.int64_t(len(flat.candidates))
	}
	return flat, nil
}

// Recommend gives the k best next items of a history, oldest item first: falling scores,
// the lower id first where they are equal. Items the model does not know are skipped; there
// are fewer than k when no more are left, and none for a history without known items.
// options may be nil. Errors: ErrArgument, ErrMemory, ErrEngine; ErrState (the model has a
// trainer: take a Clone).
func (m *Model) Recommend(history []int32, k int, options *RecommendOptions) ([]Recommendation,
	error) {
	return m.AppendRecommend(nil, history, k, options)
}

// AppendRecommend appends to a slice what Recommend gives. It allocates nothing when the
// slice has room. After an error the slice is as it was.
func (m *Model) AppendRecommend(best []Recommendation, history []int32, k int,
	options *RecommendOptions) ([]Recommendation, error) {
	err := m.score(func(s *scorer) error {
		count, err := s.rank(m.inside, history, k, options)
		for i := 0; i < count; i++ {
			best = append(best, Recommendation{s.ids[i], s.scores[i]})
		}
		return err
	})
	return best, err
}

// rank leaves the best items in the scorer's arrays and says how many there are.
func (s *scorer) rank(inside *modelState, history []int32, k int, options *RecommendOptions) (
	int, error) {
	if k < 0 {
		return 0, argumentError("k is %d, must not be negative", k)
	}
	flat, err := s.flatten(inside, options)
	if err != nil {
		return 0, err
	}
	k = inside.most(k)
	s.ids, s.scores = grown(s.ids, k), grown(s.scores, k)
	result := C.s3go_score_next(s.pointer, int32s(history), C.size_t(len(history)), flat.include,
		int32s(flat.excluded), C.size_t(len(flat.excluded)), int32s(flat.candidates),
		flat.candidateCount, C.size_t(k), int32s(s.ids), floats(s.scores))
	return int(result.count), failure(result)
}

// most is k, unless there are not so many items.
func (inside *modelState) most(k int) int {
	if k > inside.items {
		return inside.items
	}
	return k
}

// RecommendBatch gives what Recommend gives for each of many histories, faster than one by
// one. The options hold for all.
func (m *Model) RecommendBatch(histories [][]int32, k int, options *RecommendOptions) (
	[][]Recommendation, error) {
	if k < 0 {
		return nil, argumentError("k is %d, must not be negative", k)
	}
	best := make([][]Recommendation, 0, len(histories))
	err := m.score(func(s *scorer) error {
		flat, err := s.flatten(m.inside, options)
		if err != nil {
			return err
		}
		for start := 0; start < len(histories); start += batchUsers {
			end := start + batchUsers
			if end > len(histories) {
				end = len(histories)
			}
			best, err = s.batch(best, histories[start:end], m.inside.most(k), flat)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return best, nil
}

// batchUsers is how many users a call of the library gets: more are not faster.
const batchUsers = 256

// batch appends the best items of some users.
func (s *scorer) batch(best [][]Recommendation, histories [][]int32, k int, flat flatOptions) (
	[][]Recommendation, error) {
	s.values, s.offsets = flatten(s.values, s.offsets, histories)
	s.ids, s.scores = grown(s.ids, k*len(histories)), grown(s.scores, k*len(histories))
	s.counts = grown(s.counts, len(histories))
	result := C.s3go_score_next_batch(s.pointer, int32s(s.values), int64s(s.offsets),
		C.size_t(len(histories)), flat.include, int32s(flat.excluded),
		C.size_t(len(flat.excluded)), int32s(flat.candidates), flat.candidateCount, C.size_t(k),
		int32s(s.ids), floats(s.scores), sizes(s.counts))
	if err := failure(result); err != nil {
		return nil, err
	}
	for user, count := range s.counts {
		items := make([]Recommendation, count)
		for i := range items {
			items[i] = Recommendation{s.ids[user*k+i], s.scores[user*k+i]}
		}
		best = append(best, items)
	}
	return best, nil
}
