// SPDX-License-Identifier: Apache-2.0

package s3rec

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
