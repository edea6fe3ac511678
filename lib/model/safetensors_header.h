/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a safetensors file as tensors and metadata, which are found by name. */
#ifndef S3_MODEL_SAFETENSORS_HEADER_H
#define S3_MODEL_SAFETENSORS_HEADER_H

#include "base/keyed_hash.h"
#include "model/safetensors.h"

/* Structs that begin with their name, in the order of the file, and a hash table over them. */
typedef struct s3_named {
  void *entries; /* [count] */
  size_t count, size;
  uint32_t *slots; /* [slot_count] open addressing: entry + 1, 0 for none */
  size_t slot_count;
} s3_named;

typedef struct s3_header {
  const s3rec_context *context;
  const char *path;
  s3_hash_key hash_key;
  s3_named tensors;  /* s3_tensor */
  s3_named metadata; /* s3_metadata */
} s3_header;

/* Reads a header out of its text, which is changed and must outlive it. The data begins at
 * `data_begin` of the file and has `data_size` bytes. Starts with context and path set and all
 * else zero; whatever the outcome it is to be freed. */
s3rec_status s3_header_read(s3_header *header, char *text, size_t length, size_t data_begin,
                            uint64_t data_size);
/* Whether each byte of the data belongs to exactly one tensor. */
s3rec_status s3_header_check_cover(const s3_header *header, size_t data_begin, uint64_t data_size);
void s3_header_free(s3_header *header);

/* NULL: none. */
const void *s3_header_find(const s3_header *header, const s3_named *named, const char *name);

/* FORMAT for the offsets of a tensor whose data are not in the file. */
s3rec_status s3_header_fail_offsets(const s3_header *header, const char *name, int64_t begin,
                                    int64_t end, uint64_t data_size);

#endif
