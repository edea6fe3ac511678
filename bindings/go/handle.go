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

// handle is a C object with the number of calls that use it now. Close destroys the object at once
// when no call uses it; otherwise the last of these calls destroys it.
type handle struct {
	kind    string
	pointer unsafe.Pointer
	destroy func(unsafe.Pointer)
	root    *root
	alone   sync.Mutex   // held during a call, for objects that allow one call at a time
	state   atomic.Int64 // number of calls that use the object, with the bits below
}

const (
	closedState    int64 = 1 << 60             // Close was called
	destroyedState int64 = closedState | 1<<59 // and the object is destroyed
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

// acquire keeps the object alive until release; it fails after Close and where h is nil. After a
// failure release must not be called.
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

// use calls the function with the object, which is not destroyed before the function returns.
func (h *handle) use(kind string, call func(unsafe.Pointer) error) error {
	if err := h.acquire(kind); err != nil {
		return err
	}
	defer h.release()
	return call(h.pointer)
}

// useAlone is use for an object that allows one call at a time: other calls wait.
func (h *handle) useAlone(kind string, call func(unsafe.Pointer) error) error {
	return h.use(kind, func(pointer unsafe.Pointer) error {
		h.alone.Lock()
		defer h.alone.Unlock()
		return call(pointer)
	})
}

// pool lends things to calls, at most limit of them at one time: further calls wait. The thing that
// was given back last is lent first, so the pool has no more things than calls at one time.
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

// take waits while limit things are lent, then gives an idle thing. When there is no idle one it
// gives the zero value, and the caller makes a thing.
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

// give takes a lent thing back; thing is the zero value when the caller could not make one.
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

// drain removes the idle things from the pool and returns them.
func (p *pool[T]) drain() (idle []T) {
	p.lock.Lock()
	defer p.lock.Unlock()
	idle, p.idle = p.idle, nil
	return idle
}

// The functions below give the address of a slice's first element to C, nil when the slice is
// empty. The elements have no pointers, so cgo accepts the address even when the slice is part of
// a Go object that has pointers.

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

// texts is chars for calls that refuse NULL: an empty slice gives the address of an empty text.
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

// grown gives a slice of this length, in the memory of values where there is room. Its elements
// have no particular values.
func grown[T any](values []T, length int) []T {
	if cap(values) < length {
		return make([]T, length)
	}
	return values[:length]
}

// flatten copies the rows, one after the other, into values: row r is
// values[offsets[r]:offsets[r+1]].
func flatten(values []int32, offsets []int64, rows [][]int32) ([]int32, []int64) {
	values, offsets = values[:0], append(offsets[:0], 0)
	for _, row := range rows {
		values = append(values, row...)
		offsets = append(offsets, int64(len(values)))
	}
	return values, offsets
}
