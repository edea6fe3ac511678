// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"runtime"
	"sync"
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

// ScorerOptions are about the working memory of scoring; zero values are the defaults.
type ScorerOptions struct {
	Scan Scan
	// Limit is how many calls score at one time, each with working memory of its own; others
	// wait for one of them. Default: GOMAXPROCS when the model was made.
	Limit int
}

// SetScorers chooses how the model is scored from now on and frees what was held for it.
// Error: ErrArgument.
func (m *Model) SetScorers(options ScorerOptions) error {
	if options.Limit < 0 {
		return argumentError("Limit is %d, must not be negative", options.Limit)
	}
	if options.Scan < ScanAuto || options.Scan > ScanInt8 {
		return argumentError("Scan is %d, must be %d..%d", options.Scan, ScanAuto, ScanInt8)
	}
	return m.write(func(*C.s3rec_model) error {
		pool := &m.inside.scorers
		pool.scan = options.Scan
		if options.Limit > 0 {
			pool.limit = options.Limit
		}
		return nil
	})
}

// FreeScorers frees the working memory of scoring, which comes again with the next call.
func (m *Model) FreeScorers() error {
	return m.write(func(*C.s3rec_model) error { return nil })
}

// scorer is a C scorer with the arrays that results pass through.
type scorer struct {
	pointer unsafe.Pointer // s3rec_scorer
	ids     []int32
	scores  []float32
	counts  []uintptr
	values  []int32 // histories behind one another
	offsets []int64
	text    []byte // names behind one another
	// Options whose names were looked up.
	excluded, candidates []int32
}

// scorerPool lends scorers to calls. The one that came back last goes first: few calls at a
// time need little memory.
type scorerPool struct {
	lock  sync.Mutex
	freed sync.Cond
	idle  []*scorer
	lent  int
	limit int
	scan  Scan
}

func (p *scorerPool) start() {
	p.freed.L = &p.lock
	p.limit = runtime.GOMAXPROCS(0)
}

func (p *scorerPool) take(model *C.s3rec_model) (*scorer, error) {
	p.lock.Lock()
	for p.lent >= p.limit {
		p.freed.Wait()
	}
	p.lent++
	if last := len(p.idle) - 1; last >= 0 {
		taken := p.idle[last]
		p.idle = p.idle[:last]
		p.lock.Unlock()
		return taken, nil
	}
	p.lock.Unlock()
	result := C.s3go_scorer_create(model, C.int32_t(p.scan))
	if err := failure(result); err != nil {
		p.give(nil)
		return nil, err
	}
	return &scorer{pointer: result.handle}, nil
}

// give takes a scorer back; nil when none could be made.
func (p *scorerPool) give(back *scorer) {
	p.lock.Lock()
	p.lent--
	if back != nil {
		p.idle = append(p.idle, back)
	}
	p.lock.Unlock()
	p.freed.Signal()
}

// drain destroys the scorers that nobody uses.
func (p *scorerPool) drain() {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, idle := range p.idle {
		C.s3rec_scorer_destroy((*C.s3rec_scorer)(idle.pointer))
	}
	p.idle = nil
}

// score calls with a scorer of the model.
func (m *Model) score(call func(*scorer) error) error {
	if err := m.acquire(); err != nil {
		return err
	}
	defer m.h.release()
	inside := m.inside
	inside.access.RLock()
	defer inside.access.RUnlock()
	taken, err := inside.scorers.take((*C.s3rec_model)(m.h.pointer))
	if err != nil {
		return err
	}
	defer inside.scorers.give(taken)
	return call(taken)
}
