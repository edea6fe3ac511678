/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dnnl/door.h"
#include "dnnl/engine.h"
#include "dnnl/status.h"

/* What is left of the product when k = 0. dnnl_sgemm leaves C alone then, also
 * with beta = 0. */
static void scale_rows(size_t m, size_t n, float beta, float *c, size_t ldc) {
  for (size_t i = 0; i < m; i++) {
    float *row = c + i * ldc;
    if (beta == 0.0f) {
      memset(row, 0, n * sizeof *row); /* NaN * 0 would stay */
      continue;
    }
    for (size_t j = 0; j < n; j++) row[j] *= beta;
  }
}

s3rec_status s3_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k,
                     float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                     float beta, float *c, size_t ldc) {
  if (m == 0 || n == 0) return S3REC_OK;
  if (k == 0) {
    if (beta != 1.0f) scale_rows(m, n, beta, c, ldc);
    return S3REC_OK;
  }
  const s3_dnnl_host host = s3_dnnl_enter();
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n,
                 (dnnl_dim_t)k, alpha, a, (dnnl_dim_t)lda, b, (dnnl_dim_t)ldb, beta, c,
                 (dnnl_dim_t)ldc);
  s3_dnnl_leave(host);
  return s3_dnnl_status(status, "sgemm");
}
