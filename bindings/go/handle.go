// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// handle is a C object with the number of calls that use it now: Close lets it go at once
// when there are none, else the last of them does.
type handle struct {
	kind    string
	pointer unsafe.Pointer
	destroy func(unsafe.Pointer)
	root    *root
	alone   sync.Mutex // held by calls that the object takes one at a time
	state   atomic.Int64
}

const (
	closedState    int64 = 1 << 60
	destroyedState int64 = closedState | 1<<59
)

// newHandle takes over an object; a finalizer closes it if the program forgets to.
func newHandle(kind string, pointer unsafe.Pointer, root *root,
	destroy func(unsafe.Pointer)) *handle {
	root.retain()
	h := &handle{kind: kind, pointer: pointer, destroy: destroy, root: root}
	runtime.SetFinalizer(h, (*handle).close)
	return h
}

func closedError(kind string) error { return fmt.Errorf("s3rec: %s: %w", kind, ErrClosed) }

// acquire keeps the object until release; h may be nil.
func (h *handle) acquire(kind string) error {
	if h == nil {
		return closedError(kind)
	}
	if h.state.Add(1) >= closedState {
		h.release()
		return closedError(kind)
	}
	return nil
}

func (h *handle) release() {
	if h.state.Add(-1) == closedState {
		h.end()
	}
}

func (h *handle) close() {
	if h == nil {
		return
	}
	for {
		state := h.state.Load()
		if state >= closedState {
			return
		}
		if h.state.CompareAndSwap(state, state|closedState) {
			runtime.SetFinalizer(h, nil)
			if state == 0 {
				h.end()
			}
			return
		}
	}
}

// end destroys the object, once.
func (h *handle) end() {
	if h.state.CompareAndSwap(closedState, destroyedState) {
		h.destroy(h.pointer)
		h.pointer = nil
		h.root.release()
	}
}

// use calls with the object, which stays until that returns.
func (h *handle) use(kind string, call func(unsafe.Pointer) error) error {
	if err := h.acquire(kind); err != nil {
		return err
	}
	defer h.release()
	return call(h.pointer)
}

// useAlone is use for objects that one thread at a time may use.
func (h *handle) useAlone(kind string, call func(unsafe.Pointer) error) error {
	return h.use(kind, func(pointer unsafe.Pointer) error {
		h.alone.Lock()
		defer h.alone.Unlock()
		return call(pointer)
	})
}

// pool lends things to calls, at most limit of them at one time: other calls wait. The one that
// came back last goes first, so few calls at a time need few things.
type pool[T comparable] struct {
	lock  sync.Mutex
	freed sync.Cond
	idle  []T
	lent  int
	limit int
}

func (p *pool[T]) start(limit int) {
	p.freed.L = &p.lock
	p.limit = limit
}

// take waits for its turn and gives an idle thing, or zero when there is none: then the caller
// makes one.
func (p *pool[T]) take() (thing T) {
	p.lock.Lock()
	defer p.lock.Unlock()
	for p.lent >= p.limit {
		p.freed.Wait()
	}
	p.lent++
	if last := len(p.idle) - 1; last >= 0 {
		thing, p.idle = p.idle[last], p.idle[:last]
	}
	return thing
}

// give ends a turn; thing is zero when none could be made.
func (p *pool[T]) give(thing T) {
	var zero T
	p.lock.Lock()
	p.lent--
	if thing != zero {
		p.idle = append(p.idle, thing)
	}
	p.lock.Unlock()
	p.freed.Signal()
}

// drain gives the idle things away.
func (p *pool[T]) drain() (idle []T) {
	p.lock.Lock()
	defer p.lock.Unlock()
	idle, p.idle = p.idle, nil
	return idle
}

// Addresses of slices for C, nil when they are empty. Their elements have no pointers, so
// that cgo lets them pass from inside any Go object.

func int32s(values []int32) *C.int32_t {
	if len(values) == 0 {
		return nil
	}
	return (*C.int32_t)(unsafe.Pointer(&values[0]))
}

func int64s(values []int64) *C.int64_t {
	if len(values) == 0 {
		return nil
	}
	return (*C.int64_t)(unsafe.Pointer(&values[0]))
}

func uint8s(values []uint8) *C.uint8_t {
	if len(values) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&values[0]))
}

func chars(values []byte) *C.char {
	if len(values) == 0 {
		return nil
	}
	return (*C.char)(unsafe.Pointer(&values[0]))
}

// texts is chars for calls that do not take NULL for nothing.
func texts(values []byte) *C.char {
	if len(values) == 0 {
		return (*C.char)(unsafe.Pointer(&noText))
	}
	return chars(values)
}

var noText byte

func floats(values []float32) *C.float {
	if len(values) == 0 {
		return nil
	}
	return (*C.float)(unsafe.Pointer(&values[0]))
}

func doubles(values []float64) *C.double {
	if len(values) == 0 {
		return nil
	}
	return (*C.double)(unsafe.Pointer(&values[0]))
}

// grown is a slice with the length asked for, whatever it holds.
func grown[T any](values []T, length int) []T {
	if cap(values) < length {
		return make([]T, length)
	}
	return values[:length]
}

// flatten puts rows behind one another: row r is values[offsets[r]:offsets[r+1]].
func flatten(values []int32, offsets []int64, rows [][]int32) ([]int32, []int64) {
	values, offsets = values[:0], append(offsets[:0], 0)
	for _, row := range rows {
		values = append(values, row...)
		offsets = append(offsets, int64(len(values)))
	}
	return values, offsets
}
