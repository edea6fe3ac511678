// SPDX-License-Identifier: Apache-2.0

// Package loop calls the C library in a loop written in C, for benchmarks to compare calls from Go
// with.
package loop

// #cgo pkg-config: s3rec
// #include <s3rec/s3rec.h>
// #include <stdlib.h>
//
// static int recommend_rounds(const char *path, const int32_t *history, size_t length, size_t k,
//                             size_t rounds, s3rec_recommender **recommender) {
//   int status = S3REC_OK;
//   int32_t ids[100];
//   float scores[100];
//   size_t count;
//   if (*recommender == NULL) status = s3rec_recommender_open(path, NULL, recommender);
//   for (size_t i = 0; i < rounds && status == S3REC_OK; i++)
//     status = s3rec_recommend(*recommender, history, length, NULL, k, ids, scores, &count);
//   return status;
// }
import "C"

import (
	"fmt"
	"unsafe"
)

// Loop holds a recommender of the C library.
type Loop struct {
	path        string
	recommender *C.s3rec_recommender
}

// New takes the path of a model file. The first call of Recommend opens it.
func New(path string) *Loop { return &Loop{path: path} }

// Recommend asks rounds times for the k best items of a history; k is at most 100, and the history
// is not empty.
func (l *Loop) Recommend(history []int32, k, rounds int) error {
	path := C.CString(l.path)
	defer C.free(unsafe.Pointer(path))
	recommender := l.recommender
	status := C.recommend_rounds(path, (*C.int32_t)(unsafe.Pointer(&history[0])),
		C.size_t(len(history)), C.size_t(k), C.size_t(rounds), &recommender)
	l.recommender = recommender
	if status != 0 {
		return fmt.Errorf("status %d: %s", int(status), C.GoString(C.s3rec_last_error()))
	}
	return nil
}

// Close destroys the recommender.
func (l *Loop) Close() { C.s3rec_recommender_destroy(l.recommender) }
