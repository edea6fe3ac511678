// SPDX-License-Identifier: Apache-2.0

package s3rec

// #include "bridge.h"
import "C"

import (
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Context is what models and data sets are made with: threads, log, compute choices. Nil
// stands for a Context with all defaults wherever one is wanted. It may be closed as soon as
// nothing more is to be made with it.
type Context struct{ h *handle }

// LogLevel says how much a log line matters.
type LogLevel int32

// The levels of log lines.
const (
	LogInfo    LogLevel = C.S3REC_LOG_INFO    // progress and choices made
	LogWarning LogLevel = C.S3REC_LOG_WARNING // something the program may want to change
)

// KernelLevel is an instruction set of the library's own kernels.
type KernelLevel int32

// The instruction sets.
const (
	KernelsAuto     KernelLevel = C.S3REC_KERNELS_AUTO     // the best this machine can run
	KernelsBaseline KernelLevel = C.S3REC_KERNELS_BASELINE // plain, everywhere
	KernelsAVX2     KernelLevel = C.S3REC_KERNELS_AVX2
	KernelsAVX512   KernelLevel = C.S3REC_KERNELS_AVX512
)

// Backend says who computes the encoder; the numbers are the same within rounding.
type Backend int32

// The backends.
const (
	BackendAuto   Backend = C.S3REC_BACKEND_AUTO   // the faster one, fused
	BackendFused  Backend = C.S3REC_BACKEND_FUSED  // the library's kernels
	BackendOneDNN Backend = C.S3REC_BACKEND_ONEDNN // oneDNN's primitives
)

// ContextOptions are the choices of a Context; zero values are the defaults.
type ContextOptions struct {
	// Threads of training and of Model.Evaluate, 1..256, default 1. Results do not depend on
	// it, nor does the number of goroutines that may call.
	Threads int
	// Log gets whole lines, on the goroutine of the call that caused them; default: silence.
	// It must not call methods of this package; a panic in it ends the program.
	Log     func(level LogLevel, message string)
	Kernels KernelLevel
	Backend Backend
	Limits  Limits // of files; files of unknown origin: StrictLimits()
}

// root is what outlives a Context while anything made with it lives: the log function, which
// the library may call until then. A Recommender has a root of its own, which keeps those of the
// models that serve.
type root struct {
	users atomic.Int64
	log   cgo.Handle
	lock  sync.Mutex
	kept  []*root
}

func (r *root) retain() { r.users.Add(1) }

func (r *root) release() {
	if r.users.Add(-1) != 0 {
		return
	}
	if r.log != 0 {
		r.log.Delete()
	}
	for _, other := range r.kept {
		other.release()
	}
}

// keep lets another root live as long as this one.
func (r *root) keep(other *root) {
	other.retain()
	r.lock.Lock()
	defer r.lock.Unlock()
	r.kept = append(r.kept, other)
}

// NewContext makes a Context; options may be nil. Errors: ErrArgument, ErrMemory,
// ErrUnsupported (kernels that this machine cannot run, headers and library that do not
// belong together), ErrEngine.
func NewContext(options *ContextOptions) (*Context, error) {
	if options == nil {
		options = &ContextOptions{}
	}
	if abi := int(C.s3rec_abi_version()); abi != C.S3REC_ABI_VERSION {
		return nil, &Error{ErrUnsupported, "the library that runs is of another ABI than s3rec.h"}
	}
	var err error
	threads := narrow(&err, "Threads", options.Threads)
	if err != nil {
		return nil, err
	}
	r := &root{}
	r.retain()
	defer r.release()
	if options.Log != nil {
		r.log = cgo.NewHandle(options.Log)
	}
	var filled C.s3rec_context_options
	C.s3rec_context_options_init(&filled)
	if threads != 0 {
		filled.thread_count = threads
	}
	filled.kernel_level = C.s3rec_kernel_level(options.Kernels)
	filled.backend = C.s3rec_backend(options.Backend)
	limits, err := options.Limits.filled()
	if err != nil {
		return nil, err
	}
	var made *C.s3rec_context
	err = failure(func() status {
		return C.s3go_context_create(&filled, &limits, C.uintptr_t(r.log), &made)
	})
	if err != nil {
		return nil, err
	}
	return &Context{newHandle("context", unsafe.Pointer(made), r, func(pointer unsafe.Pointer) {
		C.s3rec_context_destroy((*C.s3rec_context)(pointer))
	})}, nil
}

// Close lets the Context go; what was made with it stays usable. It may be called again.
func (c *Context) Close() error {
	if c != nil {
		c.h.close()
	}
	return nil
}

// Kernels gives the instruction set that KernelsAuto stood for; KernelsAuto when closed.
func (c *Context) Kernels() (level KernelLevel) {
	_ = withContext(c, func(context *C.s3rec_context, _ *root) error {
		level = KernelLevel(C.s3rec_context_kernel_level(context))
		return nil
	})
	return level
}

// Backend gives the backend that BackendAuto stood for; BackendAuto when closed.
func (c *Context) Backend() (backend Backend) {
	_ = withContext(c, func(context *C.s3rec_context, _ *root) error {
		backend = Backend(C.s3rec_context_backend(context))
		return nil
	})
	return backend
}

// withContext calls with the C context of c, or with one of its own when c is nil.
func withContext(c *Context, call func(*C.s3rec_context, *root) error) error {
	if c == nil {
		var err error
		if c, err = NewContext(nil); err != nil {
			return err
		}
		defer c.Close()
	}
	return c.h.use("context", func(pointer unsafe.Pointer) error {
		return call((*C.s3rec_context)(pointer), c.h.root)
	})
}

// Version is the release of the library that runs, such as "0.3.0".
func Version() string { return C.GoString(C.s3rec_version()) }

// BuildInfo is a line for bug reports: release, oneDNN, kernels.
func BuildInfo() string {
	length := C.s3rec_build_info(nil, 0)
	line := make([]byte, int(length)+1)
	C.s3rec_build_info(chars(line), C.int(len(line)))
	return string(line[:length])
}

// s3goLog hands a line of the library to the function of a Context. A panic may not unwind
// the library's frames: it is raised where nobody recovers it.
//
//export s3goLog
func s3goLog(level C.int32_t, message *C.char, log C.uintptr_t) {
	defer func() {
		if cause := recover(); cause != nil {
			go func() { panic(cause) }()
			select {}
		}
	}()
	cgo.Handle(log).Value().(func(LogLevel, string))(LogLevel(level), C.GoString(message))
}
