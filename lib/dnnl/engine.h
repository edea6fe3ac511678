/* SPDX-License-Identifier: Apache-2.0 */
/* The door to oneDNN: only lib/dnnl includes its headers, and nothing outside
 * knows which version it is. */
#ifndef S3_DNNL_ENGINE_H
#define S3_DNNL_ENGINE_H

#include "base/context.h"

/* Fails (ENGINE) when the library at run time is of another major version than
 * the headers compiled against. */
s3rec_status s3_dnnl_check(void);

/* "oneDNN 2.6.3, avx512_core_bf16, OpenMP" */
void s3_dnnl_describe(char *text, size_t capacity);

/* C[m, n] = alpha op(A) op(B) + beta C, row-major with leading dimensions; op(A)
 * is [m, k] and op(B) [k, n]; transpose = A is stored [k, m], B [n, k]. m, n or
 * k may be 0 (k = 0 with beta = 0 zeroes C). dnnl_sgemm on the calling thread. */
s3rec_status s3_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                     float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                     float beta, float *c, size_t ldc);

#endif
