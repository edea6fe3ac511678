/* SPDX-License-Identifier: Apache-2.0 */
#include "dnnl/door.h"

#include <oneapi/dnnl/dnnl.h>

#include "bench.h"

bool bench_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a,
                 size_t lda, const float *b, size_t ldb, bool add, float *c, size_t ldc) {
  const s3_dnnl_host host = s3_dnnl_enter();
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n,
                 (dnnl_dim_t)k, 1.0f, a, (dnnl_dim_t)lda, b, (dnnl_dim_t)ldb, add ? 1.0f : 0.0f, c,
                 (dnnl_dim_t)ldc);
  s3_dnnl_leave(host);
  return status == dnnl_success;
}
