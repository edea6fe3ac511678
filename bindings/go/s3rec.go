// SPDX-License-Identifier: Apache-2.0

// Package s3rec learns from sequences of items and says what comes next: the libs3rec library
// (S3-Rec on oneDNN) for Go. It needs the C library, found by pkg-config s3rec.
//
//	recommender, err := s3rec.OpenRecommender("tuned.safetensors", nil)
//	if err != nil {
//		return err
//	}
//	defer recommender.Close()
//	best, err := recommender.Recommend([]int32{12, 7, 93}, 10, nil)
//
// Most programs need only Train and Recommender, the front door. Train makes a model from events.
// Any number of goroutines ask a Recommender, and its model can be exchanged for a better one
// meanwhile. Everything else is the workshop, for programs with a data set, a network or a training
// loop of their own.
//
// # Handles
//
// Recommender, Filter, Context, Dataset, Events, Vocabulary, Model, Sampler, Batch, Trainer and
// Run hold memory of the C library: Close frees it. Close may be called again, from any
// goroutine, in any order, and while calls run on the handle: these calls end normally, and the
// last of them frees the memory. A call on a closed handle gives an error for which
// errors.Is(err, ErrClosed) is true. A handle that is never closed is freed some time after the
// garbage collector found it.
//
// # Goroutines
//
// All methods may be called from any number of goroutines. Those of Recommender, Filter,
// Dataset, Vocabulary and Model run at the same time; on one Events, Sampler, Batch, Trainer or Run
// they run one after the other. A method that changes a Model waits until no other method uses it.
//
// # Errors
//
// When the library refuses something, the error is an *Error: a status and a line of text that
// names the file, line, field, value and range. errors.Is(err, ErrFormat) asks for a status.
//
// # Options
//
// Options are structs whose zero values are the defaults. Fields are pointers where zero is
// a value different from the default: Ptr(0.0).
package s3rec

// #cgo pkg-config: s3rec
// #include "bridge.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"unsafe"
)

// Status is the kind of a failure. The constants are errors, to be asked for with errors.Is:
//
//	if errors.Is(err, s3rec.ErrFormat) { ... }
type Status int32

// The kinds of failures; the numbers are those of the C library.
const (
	ErrArgument    Status = 10 // out of range, contradicting options
	ErrNotFound    Status = 11 // no parameter, user, name or field of that name
	ErrMemory      Status = 20 // out of memory
	ErrIO          Status = 30 // the operating system refused a file
	ErrFormat      Status = 31 // a file or array holds what it may not hold
	ErrMismatch    Status = 32 // valid, but made for another model or data
	ErrLimit       Status = 33 // a file exceeds a limit of the Context
	ErrState       Status = 40 // not now: the model has a trainer, ...
	ErrNumeric     Status = 41 // a loss, gradient or weight is NaN or infinite
	ErrEngine      Status = 50 // oneDNN reported a failure
	ErrUnsupported Status = 60 // this build or machine cannot do it
	ErrThread      Status = 61 // a thread could not be started
)

// ErrClosed is the error of a call on a handle that was closed, that is nil or that no function of
// this package made.
var ErrClosed = errors.New("used after Close")

// Error is a failure of the library. errors.As gives it, errors.Is compares its status.
type Error struct {
	Status Status
	Detail string // one line: what and where, "file:line:column: reason" for files
}

// Error gives the detail, as errors do: "s3rec: file:line:column: reason".
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Status.Error()
	}
	return "s3rec: " + e.Detail
}

// Unwrap gives the status, so that errors.Is and errors.As find it.
func (e *Error) Unwrap() error { return e.Status }

// Error is the kind in words.
func (s Status) Error() string { return "s3rec: " + s.String() }

// String is the C library's name of the status without its prefix, in small letters: "format".
func (s Status) String() string {
	name := C.GoString(C.s3rec_status_name(C.s3rec_status(s)))
	name = strings.TrimPrefix(name, "S3REC_ERROR_")
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "S3REC_"), "_", " "))
}

type status = C.s3rec_status

// failure calls the library and turns the status into an error, nil for S3REC_OK. The library keeps
// the text of a failure for each thread, and Go may move a goroutine to another thread between two
// calls of C. So the goroutine is locked to its thread until the text is read.
func failure(call func() status) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	result := call()
	if result == C.S3REC_OK {
		return nil
	}
	return &Error{Status: Status(result), Detail: C.GoString(C.s3rec_last_error())}
}

// checked turns a function that returns a status into one that returns an error.
func checked[P any](call func(P) status) func(P) error {
	return func(object P) error {
		return failure(func() status { return call(object) })
	}
}

func argumentError(format string, values ...any) error {
	return &Error{Status: ErrArgument, Detail: fmt.Sprintf(format, values...)}
}

// narrow gives value as int32. It sets *err when the value does not fit, unless *err is set
// already.
func narrow(err *error, name string, value int) C.int32_t {
	if *err == nil && (value < math.MinInt32 || value > math.MaxInt32) {
		*err = argumentError("%s is %d, must be %d..%d", name, value, math.MinInt32, math.MaxInt32)
	}
	return C.int32_t(value)
}

// text makes a C string, or nil for "" if optional is true; the caller releases it with freeText.
// It sets *err when value has a NUL or there is no memory, unless *err is set already.
func text(err *error, name, value string, optional bool) *C.char {
	if optional && value == "" {
		return nil
	}
	if *err == nil && strings.IndexByte(value, 0) >= 0 {
		*err = argumentError("%s %q has a NUL in it", name, value)
	}
	words := (*C.char)(zerosInC(err, uintptr(len(value))+1))
	if words != nil {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(words)), len(value)), value)
	}
	return words
}

// withText calls the function with value as a C string.
func withText(name, value string, call func(*C.char) error) (err error) {
	words := text(&err, name, value, false)
	defer freeText(words)
	if err != nil {
		return err
	}
	return call(words)
}

func freeText(text *C.char) { C.free(unsafe.Pointer(text)) }

// zerosInC is memory of C, for freeInC; nil with *err set when there is none. C.CString and
// C.malloc end the process instead.
func zerosInC(err *error, size uintptr) unsafe.Pointer {
	memory := C.calloc(1, C.size_t(size))
	if memory == nil && *err == nil {
		*err = &Error{ErrMemory, fmt.Sprintf("no memory for %d bytes", size)}
	}
	return memory
}

func freeInC(array unsafe.Pointer) {
	if array != nil {
		C.free(array)
	}
}

// Ptr gives the address of a value, for options that are pointers: nil means the default there, and
// zero is a value different from it. Example: Seed: s3rec.Ptr(uint64(0)).
func Ptr[T any](value T) *T { return &value }
