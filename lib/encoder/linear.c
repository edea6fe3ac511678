/* SPDX-License-Identifier: Apache-2.0 */
#include "encoder/linear.h"

#include "base/error.h"

s3rec_status s3_linear_forward(s3_backend *backend, size_t rows, size_t in, size_t out,
                               const float *src, s3_linear_weights w, const float *bias,
                               float *dst) {
  const s3_backend_operations *op = backend->operations;
  if (w.panels != NULL)
    return op->linear_panels(backend, rows, in, out, src, in, w.panels, bias, false, dst, out);
  S3_TRY(op->linear_forward(backend, rows, in, out, src, w.matrix, dst));
  return bias == NULL ? S3REC_OK : op->bias_forward(backend, rows, out, bias, dst);
}

s3rec_status s3_linear_backward_data(s3_backend *backend, size_t rows, size_t in, size_t out,
                                     const float *diff_dst, s3_linear_weights w,
                                     bool accumulate, float *diff_src) {
  const s3_backend_operations *op = backend->operations;
  return w.transposed == NULL
             ? op->linear_backward_data(backend, rows, in, out, diff_dst, w.matrix, accumulate,
                                        diff_src)
             : op->linear_panels(backend, rows, out, in, diff_dst, out, w.transposed, NULL,
                                 accumulate, diff_src, in);
}
