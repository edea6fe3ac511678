// SPDX-License-Identifier: Apache-2.0

// Package loop makes calls of the C library in a loop of C, for benchmarks to compare with.
package loop

// #cgo pkg-config: s3rec
// #include <s3rec/s3rec.h>
// #include <stdlib.h>
//
// static int recommend(const char *path, const int32_t *history, size_t length, size_t k,
//                      size_t rounds, s3rec_scorer **scorer) {
//   s3rec_context *context = NULL;
//   s3rec_model *model = NULL;
//   int status = 0;
//   if (*scorer == NULL) {
//     status = s3rec_context_create(NULL, &context);
//     if (status == S3REC_OK) status = s3rec_model_load(context, path, NULL, &model);
//     if (status == S3REC_OK) status = s3rec_scorer_create(model, scorer);
//     s3rec_model_destroy(model);
//     s3rec_context_destroy(context);
//   }
//   int32_t ids[100];
//   float scores[100];
//   size_t count;
//   for (size_t i = 0; i < rounds && status == S3REC_OK; i++)
//     status = s3rec_score_next(*scorer, history, length, NULL, k, ids, scores, &count);
//   return status;
// }
import "C"

import (
	"fmt"
	"unsafe"
)

// Loop has a scorer of C.
type Loop struct {
	path   string
	scorer *C.s3rec_scorer
}

// New takes the path of a model file, which the first call of Recommend loads.
func New(path string) *Loop { return &Loop{path: path} }

// Recommend asks rounds times for the k, at most 100, best items of a history.
func (l *Loop) Recommend(history []int32, k, rounds int) error {
	path := C.CString(l.path)
	defer C.free(unsafe.Pointer(path))
	scorer := l.scorer
	status := C.recommend(path, (*C.int32_t)(unsafe.Pointer(&history[0])),
		C.size_t(len(history)), C.size_t(k), C.size_t(rounds), &scorer)
	l.scorer = scorer
	if status != 0 {
		return fmt.Errorf("status %d: %s", int(status), C.GoString(C.s3rec_last_error()))
	}
	return nil
}

// Close destroys the scorer.
func (l *Loop) Close() { C.s3rec_scorer_destroy(l.scorer) }
