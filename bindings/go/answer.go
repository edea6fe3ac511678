// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"bytes"
	"unsafe"
)

// Request is a question about many users, by ids or by names; zero values are the defaults.
type Request struct {
	Items          [][]int32  // the history of each user, oldest item first
	Names          [][]string // the same by names, instead of Items
	K              int        // items wanted for each user; default 10
	IncludeHistory bool       // a user's own items may be recommended
	Filter         *Filter    // for all users
	Filters        []*Filter  // one more for each user, or nil; its entries may be nil
}

// AnswerSource is what an answer rests on.
type AnswerSource int32

// The sources.
const (
	AnswerNone    AnswerSource = C.S3REC_ANSWER_NONE    // nothing: the answer is empty
	AnswerModel   AnswerSource = C.S3REC_ANSWER_MODEL   // items of the history that the model knows
	AnswerPopular AnswerSource = C.S3REC_ANSWER_POPULAR // popularity: it knows no item of the history
)

// Answer is the answer for one user.
type Answer struct {
	Source      AnswerSource
	Items       []NamedRecommendation // best first; a Name is "" when the model has no names
	Unknown     int                   // entries of the history that the model does not know
	ModelNumber uint64                // which model answered, as in Statistics
}

// Answer gives the best next items of each user. One model answers for all, during an exchange
// too. Errors: ErrArgument, ErrMemory, ErrEngine, ErrThread.
func (r *Recommender) Answer(request Request) ([]Answer, error) {
	return r.answer(&request, false)
}

// Similar gives the items that are most similar to the entries of each history: by the cosine of
// the angle between item vectors, -1..1. Several entries are compared by the mean of their unit
// vectors, and are always left out. Everything else is as in Answer.
func (r *Recommender) Similar(request Request) ([]Answer, error) { return r.answer(&request, true) }

func (r *Recommender) answer(request *Request, similar bool) (answers []Answer, err error) {
	users := len(request.Items)
	switch {
	case request.Names != nil && request.Items != nil:
		return nil, argumentError("Items and Names are given, give one of them")
	case request.Names != nil:
		users = len(request.Names)
	}
	if request.Filters != nil && len(request.Filters) != users {
		return nil, argumentError("Filters has %d entries, must have %d, one a user",
			len(request.Filters), users)
	}
	q := question{k: 10, similar: similar}
	if request.K < 0 {
		return nil, negativeK(request.K)
	}
	if request.K > 0 {
		q.k = request.K
	}
	release, err := holdFilters(request.Filters)
	defer release()
	if err != nil {
		return nil, err
	}
	if request.Filters != nil {
		q.filters = pointersInC(&err, users, func(user int) unsafe.Pointer {
			if filter := request.Filters[user]; filter != nil {
				return filter.h.pointer
			}
			return nil
		})
		defer freeInC(unsafe.Pointer(q.filters))
		if err != nil {
			return nil, err
		}
	}
	options := &RecommendOptions{IncludeHistory: request.IncludeHistory, Filter: request.Filter}
	answers = make([]Answer, users)
	err = r.ask(func(recommender unsafe.Pointer, s *seat) error {
		if request.Names != nil {
			var err error
			q.names = s.placeNames(&err, request.Names)
			defer freeInC(unsafe.Pointer(q.names))
			if err != nil {
				return err
			}
		} else {
			s.items, s.offsets = flatten(s.items, s.offsets, request.Items)
		}
		return s.recommend(recommender, q, options, func() error {
			for user := range answers {
				if err := s.read(user); err != nil {
					return err
				}
				answers[user] = Answer{AnswerSource(s.ranked.source), s.appendNamed(nil),
					int(s.ranked.unknown_count), uint64(s.ranked.model_number)}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return answers, nil
}

// placeNames puts the names of histories behind one another, in an array of C, and leaves in the
// seat where each history begins.
func (s *seat) placeNames(err *error, histories [][]string) **C.char {
	var all []string
	begin := []int64{0}
	for _, history := range histories {
		all = append(all, history...)
		begin = append(begin, int64(len(all)))
	}
	s.text, s.offsets = appendNames(s.text[:0], s.offsets[:0], all)
	names := namesInC(err, s.text, s.offsets)
	s.items, s.offsets = s.items[:0], append(s.offsets[:0], begin...)
	return names
}

// holdFilters keeps filters until release.
func holdFilters(filters []*Filter) (release func(), err error) {
	held := 0
	release = func() {
		for _, filter := range filters[:held] {
			if filter != nil {
				filter.h.release()
			}
		}
	}
	for _, filter := range filters {
		if filter != nil {
			if err := filter.h.acquire("filter"); err != nil {
				return release, err
			}
		}
		held++
	}
	return release, nil
}

// seat is what questions and answers pass through; a call has one for itself.
type seat struct {
	ids     []int32
	scores  []float32
	count   C.size_t
	items   []int32 // histories behind one another
	offsets []int64
	text    []byte          // names behind one another
	filter  *unsafe.Pointer // of the lists of the options; cgo wants it beside the struct
	answer  unsafe.Pointer
	ranked  C.s3rec_ranked_items
}

// ask calls with the C recommender and a seat.
func (r *Recommender) ask(call func(unsafe.Pointer, *seat) error) error {
	if r == nil {
		return closedError("recommender")
	}
	if err := r.h.acquire("recommender"); err != nil {
		return err
	}
	defer r.h.release()
	s := r.seats.take()
	if s == nil {
		s = &seat{filter: new(unsafe.Pointer)}
	}
	defer r.seats.give(s)
	return call(r.h.pointer, s)
}

// question is what a request has beside the histories of its users.
type question struct {
	k       int
	similar bool
	include bool
	names   **C.char // instead of items
	filter  unsafe.Pointer
	filters *unsafe.Pointer // one more for each user, or nil
}

// put asks about the users whose histories lie behind one another in the seat, and leaves the
// answer there until forget.
func (s *seat) put(recommender unsafe.Pointer, q question) error {
	var similar, include C.int32_t
	if q.similar {
		similar = 1
	}
	if q.include {
		include = 1
	}
	users := len(s.offsets) - 1
	return failure(func() status {
		return C.s3go_answer(recommender, similar, C.size_t(users), int64s(s.offsets),
			int32s(s.items), q.names, C.size_t(s.offsets[users]), C.size_t(q.k), q.filter,
			q.filters, include, &s.answer)
	})
}

// rows are the answers for all users at once, width items each with 0 behind the last one.
func (s *seat) rows() (ids []int32, scores []float32, width int, err error) {
	var first *C.int32_t
	var score *C.float
	var count C.size_t
	err = failure(func() status {
		return C.s3rec_answer_rows((*C.s3rec_answer)(s.answer), &first, &score, &count)
	})
	width = int(count)
	all := width * (len(s.offsets) - 1)
	if err != nil || all == 0 {
		return nil, nil, width, err
	}
	return unsafe.Slice((*int32)(unsafe.Pointer(first)), all),
		unsafe.Slice((*float32)(unsafe.Pointer(score)), all), width, nil
}

// read leaves the answer for a user in s.ranked.
func (s *seat) read(user int) error {
	return failure(func() status { return C.s3go_answer_get(s.answer, C.size_t(user), &s.ranked) })
}

// forget frees the answer. What a large request needed is not kept either.
func (s *seat) forget() {
	C.s3go_answer_destroy(s.answer)
	s.answer, s.ranked = nil, C.s3rec_ranked_items{}
	if cap(s.items)+cap(s.offsets)+cap(s.text) > 1<<16 {
		s.items, s.offsets, s.text = nil, nil, nil
	}
}

func (s *seat) dropFilter() {
	C.s3go_filter_destroy(*s.filter)
	*s.filter = nil
}

// ranks are the arrays of s.ranked.
func (s *seat) ranks() (ids []int32, scores []float32) {
	if s.ranked.count == 0 {
		return nil, nil
	}
	return unsafe.Slice((*int32)(unsafe.Pointer(s.ranked.ids)), int(s.ranked.count)),
		unsafe.Slice((*float32)(unsafe.Pointer(s.ranked.scores)), int(s.ranked.count))
}

// name is that of item i of s.ranked, "" when the model has no names.
func (s *seat) name(i int) string {
	if s.ranked.names == nil {
		return ""
	}
	return C.GoString(*(**C.char)(unsafe.Add(unsafe.Pointer(s.ranked.names),
		uintptr(i)*unsafe.Sizeof(s.ranked.names))))
}

func stringsInC(err *error, names []string) **C.char {
	if len(names) == 0 {
		return nil
	}
	text, offsets := appendNames(nil, nil, names)
	return namesInC(err, text, offsets)
}

// namesInC is an array of C of texts that end with NUL, or nil when there are none; freeInC it.
// A text with a NUL in it becomes an empty one: no item has either. Without memory it sets *err
// and gives nil.
func namesInC(err *error, text []byte, offsets []int64) **C.char {
	count := len(offsets) - 1
	if count == 0 {
		return nil
	}
	const width = unsafe.Sizeof(uintptr(0))
	array := zerosInC(err, uintptr(count)*width+uintptr(len(text)+count))
	if array == nil {
		return nil
	}
	names := unsafe.Slice((**C.char)(array), count)
	place := unsafe.Add(array, uintptr(count)*width)
	for i := range names {
		names[i] = (*C.char)(place)
		name := text[offsets[i]:offsets[i+1]]
		if bytes.IndexByte(name, 0) < 0 {
			copy(unsafe.Slice((*byte)(place), len(name)), name)
		}
		place = unsafe.Add(place, len(name)+1)
	}
	return (**C.char)(array)
}

// pointersInC is an array of C of pointers to memory of C; freeInC it. Without memory it sets *err
// and gives nil.
func pointersInC(err *error, count int, pointer func(int) unsafe.Pointer) *unsafe.Pointer {
	array := (*unsafe.Pointer)(zerosInC(err, uintptr(count+1)*unsafe.Sizeof(uintptr(0))))
	if array == nil {
		return nil
	}
	pointers := unsafe.Slice(array, count)
	for i := range pointers {
		pointers[i] = pointer(i)
	}
	return array
}

// append appends s.ranked.
func (s *seat) append(best []Recommendation) []Recommendation {
	ids, scores := s.ranks()
	for i, id := range ids {
		best = append(best, Recommendation{id, scores[i]})
	}
	return best
}

// appendNamed appends s.ranked with names.
func (s *seat) appendNamed(best []NamedRecommendation) []NamedRecommendation {
	ids, scores := s.ranks()
	for i, id := range ids {
		best = append(best, NamedRecommendation{s.name(i), id, scores[i]})
	}
	return best
}

// recommend answers the question about the users in the seat, and calls while the answer is there.
func (s *seat) recommend(recommender unsafe.Pointer, q question, o *RecommendOptions,
	call func() error) error {
	return o.prepared().useOptional(func(filter unsafe.Pointer) error {
		q.filter = filter
		q.include = q.include || o != nil && o.IncludeHistory
		if lists, some := o.lists(); some {
			if err := createFilter(recommender, &lists, s.filter); err != nil {
				return err
			}
			defer s.dropFilter()
			if filter == nil {
				q.filter = *s.filter
			} else {
				var err error
				q.filters = pointersInC(&err, len(s.offsets)-1,
					func(int) unsafe.Pointer { return *s.filter })
				defer freeInC(unsafe.Pointer(q.filters))
				if err != nil {
					return err
				}
			}
		}
		if err := s.put(recommender, q); err != nil {
			return err
		}
		defer s.forget()
		return call()
	})
}

// recommendNamed is recommend for one user, whose history is the names in the seat.
func (s *seat) recommendNamed(recommender unsafe.Pointer, k int, options *RecommendOptions,
	call func() error) error {
	if k < 0 {
		return negativeK(k)
	}
	var err error
	names := namesInC(&err, s.text, s.offsets)
	defer freeInC(unsafe.Pointer(names))
	if err != nil {
		return err
	}
	s.items = s.items[:0]
	s.offsets = append(s.offsets[:0], 0, int64(len(s.offsets)-1))
	return s.recommend(recommender, question{k: k, names: names}, options, func() error {
		if err := s.read(0); err != nil {
			return err
		}
		return call()
	})
}
