// SPDX-License-Identifier: Apache-2.0

// Package s3rec learns from sequences of items and says what comes next: the libs3rec library
// (S3-Rec on oneDNN) for Go. It needs the C library, found by pkg-config s3rec.
//
//	model, err := s3rec.LoadModel(nil, "tuned.safetensors", nil)
//	if err != nil {
//		return err
//	}
//	defer model.Close()
//	best, err := model.Recommend([]int32{12, 7, 93}, 10, nil)
//
// # Handles
//
// Context, Dataset, Events, Vocabulary, Model, Sampler, Batch, Trainer and Run hold memory of
// the C library: Close frees it. Close may be called again, from any goroutine, in any order
// and while calls run on the handle, which end well: the last of them frees it. A call on a
// closed handle gives an error for which errors.Is(err, ErrClosed) holds. What is forgotten
// is freed some time after the garbage collector found it.
//
// # Goroutines
//
// All methods may be called from any number of goroutines. Those of Dataset, Vocabulary and
// Model run side by side; those of Events, Sampler, Batch, Trainer and Run one after the
// other on each. A method that changes a Model waits until no other uses it.
//
// # Errors
//
// What the library refuses is an *Error with a status and a line of text that names the
// file, line, field, value and range. errors.Is(err, ErrFormat) asks for a status.
//
// # Options
//
// Options are structs whose zero values are the defaults. Fields are pointers where zero is
// a value of its own: Ptr(0.0).
package s3rec
