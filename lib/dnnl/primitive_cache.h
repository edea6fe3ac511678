/* SPDX-License-Identifier: Apache-2.0 */
/* The primitives of one backend, made at first use and kept.
 *
 * A primitive is bound to exact sizes and costs 0.1 to 0.5 ms and some 60 kB to
 * make, so sizes must not vary freely: callers cut rows into s3_row_piece()s.
 * Each primitive comes with its memory objects; running it only swaps their
 * handles. All share one scratchpad, which grows (user scratchpad mode: a
 * primitive may then be made by one thread and run by another). */
#ifndef S3_DNNL_PRIMITIVE_CACHE_H
#define S3_DNNL_PRIMITIVE_CACHE_H

#include "base/context.h"
#include "dnnl/compat.h"

typedef enum s3_primitive_kind {
  S3_PRIMITIVE_MATMUL = 1,
  S3_PRIMITIVE_ADD,
  S3_PRIMITIVE_ELTWISE_FORWARD,
  S3_PRIMITIVE_ELTWISE_BACKWARD,
  S3_PRIMITIVE_SOFTMAX_FORWARD,
  S3_PRIMITIVE_SOFTMAX_BACKWARD,
  S3_PRIMITIVE_NORM_FORWARD,
  S3_PRIMITIVE_NORM_BACKWARD
} s3_primitive_kind;

/* All that distinguishes two primitives; the values' meaning is the kind's. */
typedef struct s3_primitive_key {
  int64_t kind;
  int64_t values[13];
} s3_primitive_key;

/* A primitive about to be made: its descriptor and its tensors. */
enum { S3_MAX_TENSORS = 9 };
typedef struct s3_recipe {
  dnnl_engine_t engine;
  dnnl_primitive_attr_t attributes; /* user scratchpad mode */
  dnnl_primitive_desc_t desc;
  int tensor_count;
  int arguments[S3_MAX_TENSORS]; /* DNNL_ARG_... */
  s3_md tensors[S3_MAX_TENSORS];
} s3_recipe;

/* Appends a tensor; `strides` in floats. Its place in the recipe is the place of
 * its handle in s3_primitive_run. */
s3rec_status s3_recipe_tensor(s3_recipe *recipe, int argument, int rank,
                              const dnnl_dims_t dims, const dnnl_dims_t strides);
/* The same for a [rows, width] matrix without gaps, or a vector of `width`. */
s3rec_status s3_recipe_matrix(s3_recipe *recipe, int argument, int64_t rows, int64_t width);
s3rec_status s3_recipe_vector(s3_recipe *recipe, int argument, int64_t width);

/* Appends the tensors and creates recipe->desc. */
typedef s3rec_status (*s3_recipe_maker)(const s3_primitive_key *key, s3_recipe *recipe);

typedef struct s3_primitive s3_primitive;

typedef struct s3_primitive_cache {
  const s3rec_context *context;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  s3_primitive **slots; /* open addressing */
  size_t count;
  void *scratchpad;
  size_t scratchpad_capacity; /* bytes */
} s3_primitive_cache;

s3rec_status s3_primitive_cache_init(s3_primitive_cache *cache, const s3rec_context *context);
/* Also after a failed init, of a cache that was zeroed before. */
void s3_primitive_cache_clear(s3_primitive_cache *cache);

/* Runs the primitive of `key`, made by `make` if it is new, on one handle per
 * tensor. The stream has finished when the call returns. */
s3rec_status s3_primitive_run(s3_primitive_cache *cache, const s3_primitive_key *key,
                              s3_recipe_maker make, const void *const *handles);

/* How many of `rows` rows to do next: a power of two, at most S3_MAX_PIECE. Any
 * number of rows is so made of at most 11 different shapes, without padding. */
enum { S3_MAX_PIECE = 1024 };
static inline size_t s3_row_piece(size_t rows) {
  size_t piece = S3_MAX_PIECE;
  while (piece > rows) piece /= 2;
  return piece;
}

#endif
