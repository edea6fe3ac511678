/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of model files share. */
#ifndef S3_TESTS_MODEL_FILE_FIXTURE_H
#define S3_TESTS_MODEL_FILE_FIXTURE_H

#include "model/safetensors.h"
#include "support/files.h"

/* A small configuration, most of it other than the defaults. */
s3rec_model_config fixture_config(void);

/* Fails the running check unless configuration and weights are the same. */
void fixture_assert_same(const s3rec_model *a, const s3rec_model *b);

/* Writes a file of this header and so many bytes 0, 1, 2, ... of data. */
test_path fixture_header_file(const char *header, size_t data_size);
/* One with four tensors and two pairs of metadata. */
extern const char fixture_header[];
enum { FIXTURE_DATA = 36 };
/* Fails the running check unless a file of it, which is open, has the bytes of tensor "c". */
void fixture_assert_header_file(const s3_safetensors *file);

/* Fails the running check unless the file is refused with a text that begins with its path and has
 * the reason in it. */
void fixture_refuse_file(const s3rec_context *context, const char *path, s3rec_status expected,
                         const char *reason);

#endif
