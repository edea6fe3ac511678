/* SPDX-License-Identifier: Apache-2.0 */
#include "backend/backend.h"

s3rec_status s3_backend_create(const s3rec_context *context, s3_backend **backend) {
  return context->options.backend == S3REC_BACKEND_ONEDNN
             ? s3_onednn_backend_create(context, backend)
             : s3_fused_backend_create(context, backend);
}

void s3_backend_destroy(s3_backend *backend) {
  if (backend != NULL) backend->operations->destroy(backend);
}
