// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// Scan says what is read to find the best items. It decides about time and memory, never
// about the result.
type Scan int32

// The scans.
const (
	ScanAuto Scan = C.S3REC_SCAN_AUTO // int8 for small item tables, float32 for large ones
	ScanF32  Scan = C.S3REC_SCAN_F32  // the table itself: no further memory
	ScanBF16 Scan = C.S3REC_SCAN_BF16 // a copy of 2 bytes a weight
	ScanInt8 Scan = C.S3REC_SCAN_INT8 // a copy of 1 byte a weight and 4 an item
)

// RecommenderOptions are the choices of a Recommender; zero values are the defaults.
type RecommenderOptions struct {
	// Context has the log and the threads of large requests; nil: for OpenRecommender one with
	// the defaults, for NewRecommender the model's.
	Context *Context
	// Copy reads a file into memory as a whole; by default the item table stays in the file, as by
	// MapModel.
	Copy bool
	Scan Scan
	// Limit is how many calls are in the library at one time, each with working memory and a
	// thread of its own; other calls wait for one of them. Default: GOMAXPROCS.
	Limit int
}

func (o *RecommenderOptions) fill() (options C.s3rec_recommender_options, limit int, err error) {
	C.s3rec_recommender_options_init(&options)
	limit = runtime.GOMAXPROCS(0)
	if o == nil {
		return options, limit, nil
	}
	if o.Copy {
		options.copy = 1
	}
	if o.Limit < 0 {
		return options, 0, argumentError("Limit is %d, must not be negative", o.Limit)
	}
	if o.Limit > 0 {
		limit = o.Limit
	}
	options.scan = C.s3rec_scan(o.Scan)
	return options, limit, nil
}

// Recommender is the front door: a model that serves any number of goroutines and is exchanged
// for a better one while it does.
type Recommender struct {
	h     *handle
	seats pool[*seat]
	names atomic.Pointer[seenNames] // of the model that serves
}

// madeRecommender keeps the root of what the recommender is made with.
func madeRecommender(of *root, limit int,
	create func(**C.s3rec_recommender) status) (*Recommender, error) {
	own := &root{}
	own.retain()
	defer own.release()
	own.keep(of)
	var made *C.s3rec_recommender
	if err := failure(func() status { return create(&made) }); err != nil {
		return nil, err
	}
	r := &Recommender{h: newHandle("recommender", unsafe.Pointer(made), own,
		func(pointer unsafe.Pointer) {
			C.s3rec_recommender_destroy((*C.s3rec_recommender)(pointer))
		})}
	r.seats.start(limit)
	r.names.Store(&seenNames{})
	return r, nil
}

// OpenRecommender serves a model file; options may be nil. Errors: those of MapModel.
func OpenRecommender(path string, options *RecommenderOptions) (recommender *Recommender,
	err error) {
	filled, limit, err := options.fill()
	name := text(&err, "path", path, false)
	defer freeText(name)
	if err != nil {
		return nil, err
	}
	var c *Context
	if options != nil {
		c = options.Context
	}
	err = withContext(c, func(context *C.s3rec_context, root *root) error {
		filled.context = context
		recommender, err = madeRecommender(root, limit,
			func(made **C.s3rec_recommender) status {
				return C.s3rec_recommender_open(name, &filled, made)
			})
		return err
	})
	return recommender, err
}

// NewRecommender serves a model that is in memory; options may be nil. Until the Recommender is
// closed nothing can change the model: that is ErrState. Errors: ErrArgument, ErrMemory,
// ErrEngine; ErrState (the model has a trainer).
func NewRecommender(model *Model, options *RecommenderOptions) (recommender *Recommender,
	err error) {
	err = model.read(func(*C.s3rec_model) error {
		recommender, err = model.newRecommender(options)
		return err
	})
	return recommender, err
}

// newRecommender is for those who keep the C model already.
func (m *Model) newRecommender(options *RecommenderOptions) (recommender *Recommender, err error) {
	filled, limit, err := options.fill()
	if err != nil {
		return nil, err
	}
	create := func(made **C.s3rec_recommender) status {
		return C.s3rec_recommender_create((*C.s3rec_model)(m.h.pointer), &filled, made)
	}
	if options == nil || options.Context == nil {
		return madeRecommender(m.h.root, limit, create)
	}
	err = withContext(options.Context, func(context *C.s3rec_context, root *root) error {
		filled.context = context
		if recommender, err = madeRecommender(root, limit, create); err == nil {
			recommender.h.root.keep(m.h.root)
		}
		return err
	})
	return recommender, err
}

func (r *Recommender) use(call func(*C.s3rec_recommender) error) error {
	var h *handle
	if r != nil {
		h = r.h
	}
	return h.use("recommender", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_recommender)(pointer))
	})
}

// Close lets the Recommender go; calls that run end well, and its filters stay usable. It may be
// called again.
func (r *Recommender) Close() error {
	if r != nil {
		r.h.close()
	}
	return nil
}

// Model gives the model that serves now, for instance to read its names or to measure it. It
// cannot be changed. Close it.
func (r *Recommender) Model() (model *Model, err error) {
	err = r.use(func(recommender *C.s3rec_recommender) error {
		model, err = madeModel(r.h.root, func(made **C.s3rec_model) status {
			return C.s3rec_recommender_model(recommender, made)
		})
		if err == nil {
			model.inside.lent = true
		}
		return err
	})
	return model, err
}

// seenNames is what is known of the names of one model that serves.
type seenNames struct {
	looked   atomic.Bool
	integers atomic.Bool // they are integers
}

// namesAreIntegers is about the names of the model that serves.
func (r *Recommender) namesAreIntegers() (bool, error) {
	seen := r.names.Load()
	if seen.looked.Load() {
		return seen.integers.Load(), nil
	}
	model, err := r.Model()
	if err != nil {
		return false, err
	}
	defer model.Close()
	names, err := model.ItemNames()
	if err != nil {
		return false, err
	}
	defer names.Close()
	seen.integers.Store(names.Kind() == NamesInteger)
	seen.looked.Store(true)
	return seen.integers.Load(), nil
}

// FilterOptions are the items that a filter allows: without the denied ones. Ids and names that
// the model does not have are passed over.
type FilterOptions struct {
	// Allowed and AllowedNames, when one of them is not nil, are all that is allowed, else all
	// items are.
	Allowed      []int32
	AllowedNames []string
	Denied       []int32
	DeniedNames  []string
}

// Filter is a rule that says what may be recommended. It is prepared once, and used by any
// number of calls, goroutines, models and recommenders at one time.
type Filter struct{ h *handle }

// NewFilter prepares a filter; everything is copied. Names mean the same items after an exchange
// for a model that numbers its items in another way; ids mean what has them in the model that
// serves. Errors: ErrArgument (also names, where the model has none), ErrMemory.
func (r *Recommender) NewFilter(options FilterOptions) (filter *Filter, err error) {
	err = r.use(func(recommender *C.s3rec_recommender) error {
		var made unsafe.Pointer
		if err := createFilter(unsafe.Pointer(recommender), &options, &made); err != nil {
			return err
		}
		filter = &Filter{newHandle("filter", made, r.h.root,
			func(pointer unsafe.Pointer) { C.s3go_filter_destroy(pointer) })}
		return nil
	})
	return filter, err
}

func createFilter(recommender unsafe.Pointer, o *FilterOptions, made *unsafe.Pointer) error {
	var err error
	allowed, denied := stringsInC(&err, o.AllowedNames), stringsInC(&err, o.DeniedNames)
	defer freeInC(unsafe.Pointer(allowed))
	defer freeInC(unsafe.Pointer(denied))
	if err != nil {
		return err
	}
	var only C.int32_t
	if o.Allowed != nil || o.AllowedNames != nil {
		only = 1
	}
	return failure(func() status {
		return C.s3go_filter_create(recommender, only, int32s(o.Allowed), C.size_t(len(o.Allowed)),
			allowed, C.size_t(len(o.AllowedNames)), int32s(o.Denied), C.size_t(len(o.Denied)),
			denied, C.size_t(len(o.DeniedNames)), made)
	})
}

// useOptional calls with the C filter, nil for a nil filter.
func (f *Filter) useOptional(call func(unsafe.Pointer) error) error {
	if f == nil {
		return call(nil)
	}
	return f.h.use("filter", call)
}

// Close lets the filter go. It may be called again.
func (f *Filter) Close() error {
	if f != nil {
		f.h.close()
	}
	return nil
}

// ExchangeOptions are what a new model must pass before it serves; zero values are the defaults.
type ExchangeOptions struct {
	// LeastKnownShare is the share of the serving model's items that the new one must have too,
	// 0..1; default 0.5. By names; by the number of items where neither model has names.
	LeastKnownShare *float64
	Dataset         *Dataset // numbered as the new model's items; nil: accuracy is not measured
	LeastNDCG10     float64  // with Dataset: least NDCG@10 on its test split
	// LargestLoss is, with Dataset, the share of the serving model's NDCG@10 that may be lost,
	// 0..1; default 1: all of it.
	LargestLoss *float64
}

// through calls with the C form of options, which may be nil.
func (o *ExchangeOptions) through(call func(*C.s3rec_exchange_options) error) error {
	var filled C.s3rec_exchange_options
	C.s3rec_exchange_options_init(&filled)
	if o == nil {
		return call(&filled)
	}
	setDouble(&filled.least_known_share, o.LeastKnownShare)
	filled.least_ndcg10 = C.double(o.LeastNDCG10)
	setDouble(&filled.largest_loss, o.LargestLoss)
	return o.Dataset.useOptional(func(dataset *C.s3rec_dataset) error {
		filled.dataset = dataset
		return call(&filled)
	})
}

// Exchange opens a file and lets it serve in place of the model that serves now, once it passed
// the checks: its scores are finite, it has the names that it needs, and it is as accurate as
// options, which may be nil, ask. Calls under way end with the model that they began with. After
// an error the old model goes on. Errors: those of MapModel; ErrNumeric; ErrMismatch (names or
// accuracy: the text has the figures); ErrThread.
func (r *Recommender) Exchange(path string, options *ExchangeOptions) error {
	return withText("path", path, func(name *C.char) error {
		return r.exchange(options, func(recommender *C.s3rec_recommender,
			options *C.s3rec_exchange_options) status {
			return C.s3rec_recommender_exchange(recommender, name, options)
		})
	})
}

// ExchangeModel is Exchange with a model in memory, which nothing can change as long as it
// serves. Error: ErrState too (the model has a trainer).
func (r *Recommender) ExchangeModel(model *Model, options *ExchangeOptions) error {
	return model.read(func(c *C.s3rec_model) error {
		return r.exchange(options, func(recommender *C.s3rec_recommender,
			options *C.s3rec_exchange_options) status {
			r.h.root.keep(model.h.root)
			return C.s3rec_recommender_exchange_model(recommender, c, options)
		})
	})
}

func (r *Recommender) exchange(options *ExchangeOptions,
	exchange func(*C.s3rec_recommender, *C.s3rec_exchange_options) status) error {
	return r.use(func(recommender *C.s3rec_recommender) error {
		err := options.through(checked(func(filled *C.s3rec_exchange_options) status {
			return exchange(recommender, filled)
		}))
		if err == nil {
			r.names.Store(&seenNames{})
		}
		return err
	})
}

// Statistics are what a Recommender did since it was made. Each counter is exact; calls that end
// meanwhile may be in some and not yet in others.
type Statistics struct {
	ModelNumber      uint64 // 1 for the first model, one more with each exchange
	Calls            uint64 // that ended, failed ones included
	FailedCalls      uint64
	Users            uint64 // answered
	Popular          uint64 // of these, by popularity
	Empty            uint64 // of these, with no items
	UnknownItems     uint64 // entries of histories that the model did not know
	RefusedExchanges uint64
	Scorers          uint64 // there are now, at work or at rest
	Memory           uint64 // bytes of the model that serves and of all scorers
	// Latencies are calls by their time: entry b counts those of 2^b .. 2^(b+1) - 1 nanoseconds.
	Latencies [C.S3REC_LATENCY_BUCKETS]uint64
}

// Statistics reads the counters.
func (r *Recommender) Statistics() (Statistics, error) {
	var s C.s3rec_recommender_statistics
	C.s3rec_recommender_statistics_init(&s)
	err := r.use(checked(func(recommender *C.s3rec_recommender) status {
		return C.s3rec_recommender_statistics_get(recommender, &s)
	}))
	statistics := Statistics{uint64(s.model_number), uint64(s.call_count),
		uint64(s.failed_call_count), uint64(s.user_count), uint64(s.popular_count),
		uint64(s.empty_count), uint64(s.unknown_item_count), uint64(s.refused_exchange_count),
		uint64(s.scorer_count), uint64(s.memory), [C.S3REC_LATENCY_BUCKETS]uint64{}}
	for i := range statistics.Latencies {
		statistics.Latencies[i] = uint64(s.latency[i])
	}
	return statistics, err
}

// Latency is the time that a share, 0..1, of the calls stayed below: 0.5 for the median; 0
// without calls.
func (s *Statistics) Latency(share float64) time.Duration {
	var filled C.s3rec_recommender_statistics
	C.s3rec_recommender_statistics_init(&filled)
	for i, count := range s.Latencies {
		filled.latency[i] = C.uint64_t(count)
	}
	seconds := C.s3rec_recommender_latency(&filled, C.double(share))
	return time.Duration(float64(seconds) * float64(time.Second))
}
