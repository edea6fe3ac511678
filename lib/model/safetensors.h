/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: 8 bytes little-endian header length, a JSON header {"name":
 * {"dtype","shape","data_offsets"}, "__metadata__": {text: text}}, then data.
 * Used for model files and training states (docs/file-format.md). */
#ifndef S3_MODEL_SAFETENSORS_H
#define S3_MODEL_SAFETENSORS_H

#include "base/context.h"
#include "base/error.h"
#include "s3rec/model.h"

typedef struct s3_tensor {
  const char *name;
  const char *dtype; /* "F32", "F64", "I64", ... as in the file */
  int32_t rank;      /* 0..4 */
  int64_t shape[4];
  const void *data; /* to be written; of one that was read NULL: s3_safetensors_copy */
  size_t byte_count;
  size_t offset; /* of one that was read: where in its file it begins */
} s3_tensor;

/* Bytes of a header: longer ones are neither read nor written, whatever the limits. */
enum { S3_SAFETENSORS_MAXIMUM_HEADER = 100 * 1000 * 1000 };

typedef struct s3_metadata {
  const char *key, *value;
} s3_metadata;

/* Reading: safetensors_read.c. */

/* A validated file. Every check of the header is made at open: lengths, JSON, types, shapes,
 * offsets in bounds, no overlap, no hole. The header is read into memory and unpacked there, so
 * that a file which is cut short meanwhile gives an IO error. Of a regular file the tensors stay
 * where they are; a pipe is read to its end.
 *
 * What a header makes the library take, for each of its bytes: itself 1; at most 2 for tensors
 * (100 bytes for 50 or more of text), or 4 for metadata or for entries of many members (28 bytes
 * for 8 or more). A file can thus make it take five times its size. */
typedef struct s3_safetensors s3_safetensors;

s3rec_status s3_safetensors_open(const s3rec_context *context, const char *path,
                                 s3_safetensors **file);
void s3_safetensors_close(s3_safetensors *file); /* NULL is fine */
size_t s3_safetensors_count(const s3_safetensors *file);
const s3_tensor *s3_safetensors_at(const s3_safetensors *file, size_t index);
const s3_tensor *s3_safetensors_find(const s3_safetensors *file, const char *name); /* or NULL */
const char *s3_safetensors_metadata(const s3_safetensors *file, const char *key);   /* or NULL */
/* All pairs, in the order of the file. */
void s3_safetensors_visit_metadata(const s3_safetensors *file, s3rec_metadata_function visit,
                                   void *user_data);
const char *s3_safetensors_path(const s3_safetensors *file);
/* Copies bytes [begin, begin + count) of a tensor; IO when the file has become shorter. Reads,
 * where the file is regular: that is as fast as copying from a mapping, and the pages do not count
 * as memory of the process. */
s3rec_status s3_safetensors_copy(const s3_safetensors *file, const s3_tensor *tensor, size_t begin,
                                 size_t count, void *bytes);
/* The open file, to be mapped; -1 when it is a pipe. */
int s3_safetensors_descriptor(const s3_safetensors *file);

/* One tensor of an open file, checked, then copied or mapped: safetensors_tensor.c. */

/* Finds a tensor of exactly this type and shape; refuses a missing tensor and
 * another dtype or shape, naming file and tensor. */
s3rec_status s3_safetensors_check(const s3_safetensors *file, const char *name, const char *dtype,
                                  int32_t rank, const int64_t *shape, const s3_tensor **tensor);

/* Copies an F32 tensor of exactly this shape to `values`; refuses a missing
 * tensor, another dtype or shape, NaN and infinity, naming file and tensor. */
s3rec_status s3_safetensors_read_f32(const s3_safetensors *file, const char *name, int32_t rank,
                                     const int64_t *shape, float *values);

/* Makes a block of `float_count` floats, aligned to 64 bytes, that begins with the
 * F32 tensor of this name and shape and is zero after it:
 *
 *   | bytes before | tensor       | the block's rest    |
 *   ^ page         ^ *block       ^ copied last page, then fresh pages
 *   '--- pages of the file, copied when written ---'
 *
 * Refuses what s3_safetensors_read_f32 refuses. OK with *block NULL where the file
 * cannot serve: it is a pipe, or the tensor begins at no multiple of 64 bytes
 * or is small; *reason then says which. */
s3rec_status s3_safetensors_map_f32(const s3_safetensors *file, const char *name, int32_t rank,
                                    const int64_t *shape, size_t float_count, s3_mapping *mapping,
                                    float **block, const char **reason);

/* Maps a tensor of any kind, to be read only. False where the file cannot serve: as above,
 * but for a beginning at a multiple of `alignment`. */
bool s3_safetensors_map_bytes(const s3_safetensors *file, const s3_tensor *tensor, size_t alignment,
                              s3_mapping *mapping, const void **bytes);

/* Writing: safetensors_write.c. */

/* Writes atomically (base/atomic_file.h); data starts at a multiple of 64. ARGUMENT for a header
 * that would be too long and for metadata that is not UTF-8. */
s3rec_status s3_safetensors_write(const s3rec_context *context, const char *path,
                                  const s3_tensor *tensors, size_t tensor_count,
                                  const s3_metadata *metadata, size_t metadata_count);

#endif
