/* SPDX-License-Identifier: Apache-2.0 */
/* The backend of oneDNN primitives: products of matrices, sums and activation functions,
 * and the table of its operations. normalization.c and attention.c have the rest. */
#include "dnnl/onednn_backend.h"

#include <string.h>

#include "dnnl/engine.h"

s3rec_status s3_onednn_scratch(s3_onednn_backend *backend, size_t count, float **scratch) {
  void *memory = backend->scratch;
  S3_TRY(s3_grow(backend->base.context, &memory, &backend->scratch_capacity, count, sizeof(float)));
  *scratch = backend->scratch = memory;
  return S3REC_OK;
}

void s3_onednn_dropout(const s3_row_dropout *dropout, size_t first_row, size_t rows, size_t width,
                       const float *src, float *dst) {
  if (dropout->dropout.threshold == 0) {
    if (dst != src) memcpy(dst, src, rows * width * sizeof *dst);
    return;
  }
  const s3_dropout d = dropout->dropout; /* a copy: dst cannot be part of it */
  for (size_t row = 0; row < rows; row++) {
    const uint32_t first = dropout->tokens[first_row + row] * (uint32_t)width;
    for (size_t i = 0; i < width; i++) {
      dst[row * width + i] = src[row * width + i] * s3_dropout_factor(first + (uint32_t)i, d);
    }
  }
}

/* Products of matrices: linear layers, column sums, and what attention needs. */

enum {
  KEY_BATCH,
  KEY_M,
  KEY_N,
  KEY_K,
  KEY_A,
  KEY_B = KEY_A + 3,
  KEY_C = KEY_B + 3,
  KEY_OUTPUT = KEY_C + 2
};
enum { OUTPUT_ACCUMULATE = -1 }; /* no bit pattern of a float: those are not negative */

/* Rank 2 where it can be: more of oneDNN's implementations take it. */
static s3rec_status add_matrix(s3_recipe *recipe, int argument, int64_t batch, int64_t rows,
                               int64_t columns, const int64_t *strides) {
  if (batch == 1) {
    return s3_recipe_tensor(recipe, argument, 2, (dnnl_dims_t){rows, columns},
                            (dnnl_dims_t){strides[1], strides[2]});
  }
  return s3_recipe_tensor(recipe, argument, 3, (dnnl_dims_t){batch, rows, columns},
                          (dnnl_dims_t){strides[0], strides[1], strides[2]});
}

static s3rec_status set_matmul_output(s3_recipe *recipe, int64_t output) {
  float scale = 1.0f;
  if (output != OUTPUT_ACCUMULATE) {
    const uint32_t bits = (uint32_t)output;
    memcpy(&scale, &bits, sizeof scale);
    if (scale == 1.0f) return S3REC_OK;
  }
  dnnl_post_ops_t post_ops;
  S3_TRY_DNNL("post-ops", dnnl_post_ops_create(&post_ops));
  dnnl_status_t status =
      output == OUTPUT_ACCUMULATE ? s3_append_sum(post_ops) : s3_append_scale(post_ops, scale);
  if (status == dnnl_success) {
    status = dnnl_primitive_attr_set_post_ops(recipe->attributes, post_ops);
  }
  dnnl_post_ops_destroy(post_ops);
  return s3_dnnl_status(status, "matmul post-op");
}

static s3rec_status make_matmul(const s3_primitive_key *key, s3_recipe *recipe) {
  const int64_t *v = key->values;
  S3_TRY(set_matmul_output(recipe, v[KEY_OUTPUT]));
  S3_TRY(add_matrix(recipe, DNNL_ARG_SRC, v[KEY_BATCH], v[KEY_M], v[KEY_K], v + KEY_A));
  S3_TRY(add_matrix(recipe, DNNL_ARG_WEIGHTS, v[KEY_BATCH], v[KEY_K], v[KEY_N], v + KEY_B));
  const int64_t c_strides[3] = {v[KEY_C], v[KEY_C + 1], 1};
  S3_TRY(add_matrix(recipe, DNNL_ARG_DST, v[KEY_BATCH], v[KEY_M], v[KEY_N], c_strides));
  return s3_dnnl_status(
      s3_matmul_desc(&recipe->desc, recipe->engine, recipe->attributes,
                     s3_md_borrow(&recipe->tensors[0]), s3_md_borrow(&recipe->tensors[1]),
                     s3_md_borrow(&recipe->tensors[2])),
      "matmul");
}

s3rec_status s3_onednn_matmul(s3_onednn_backend *backend, const s3_matmul_shape *shape,
                              const float *a, const float *b, float *c) {
  uint32_t scale_bits;
  memcpy(&scale_bits, &shape->scale, sizeof scale_bits);
  const s3_primitive_key key = {
      .kind = S3_PRIMITIVE_MATMUL,
      .values = {(int64_t)shape->batch, (int64_t)shape->m, (int64_t)shape->n, (int64_t)shape->k,
                 (int64_t)shape->a.batch, (int64_t)shape->a.row, (int64_t)shape->a.column,
                 (int64_t)shape->b.batch, (int64_t)shape->b.row, (int64_t)shape->b.column,
                 (int64_t)shape->c.batch, (int64_t)shape->c.row,
                 shape->accumulate ? OUTPUT_ACCUMULATE : (int64_t)scale_bits}};
  const void *const handles[] = {a, b, c};
  return s3_primitive_run(&backend->primitives, &key, make_matmul, handles);
}

s3rec_status s3_onednn_add_column_sums(s3_onednn_backend *backend, size_t rows, size_t width,
                                       const float *src, float *sums) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_matmul_shape shape = {.batch = 1,
                                   .m = 1,
                                   .n = width,
                                   .k = piece,
                                   .a = {0, S3_MAX_PIECE, 1},
                                   .b = {0, width, 1},
                                   .c = {0, width, 1},
                                   .scale = 1.0f,
                                   .accumulate = true};
    S3_TRY(s3_onednn_matmul(backend, &shape, backend->ones, src + row * width, sums));
  }
  return S3REC_OK;
}

static s3rec_status onednn_linear_forward(s3_backend *base, size_t rows, size_t in, size_t out,
                                          const float *src, const float *weights, float *dst) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_matmul_shape shape = {.batch = 1,
                                   .m = piece,
                                   .n = out,
                                   .k = in,
                                   .a = {0, in, 1},
                                   .b = {0, 1, in},
                                   .c = {0, out, 1},
                                   .scale = 1.0f};
    S3_TRY(s3_onednn_matmul((s3_onednn_backend *)base, &shape, src + row * in, weights,
                            dst + row * out));
  }
  return S3REC_OK;
}

static s3rec_status onednn_linear_backward_data(s3_backend *base, size_t rows, size_t in,
                                                size_t out, const float *diff_dst,
                                                const float *weights, bool accumulate,
                                                float *diff_src) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_matmul_shape shape = {.batch = 1,
                                   .m = piece,
                                   .n = in,
                                   .k = out,
                                   .a = {0, out, 1},
                                   .b = {0, in, 1},
                                   .c = {0, in, 1},
                                   .scale = 1.0f,
                                   .accumulate = accumulate};
    S3_TRY(s3_onednn_matmul((s3_onednn_backend *)base, &shape, diff_dst + row * out, weights,
                            diff_src + row * in));
  }
  return S3REC_OK;
}

static s3rec_status onednn_linear_backward_weights(s3_backend *base, size_t rows, size_t in,
                                                   size_t out, const float *src,
                                                   const float *diff_dst, float *diff_weights) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_matmul_shape shape = {.batch = 1,
                                   .m = out,
                                   .n = in,
                                   .k = piece,
                                   .a = {0, 1, out},
                                   .b = {0, in, 1},
                                   .c = {0, in, 1},
                                   .scale = 1.0f,
                                   .accumulate = true};
    S3_TRY(s3_onednn_matmul((s3_onednn_backend *)base, &shape, diff_dst + row * out, src + row * in,
                            diff_weights));
  }
  return S3REC_OK;
}

/* Sums and activation functions. */

enum { KEY_ROWS, KEY_WIDTH, KEY_ADDEND_ROWS, KEY_ACTIVATION = KEY_ADDEND_ROWS };

static s3rec_status make_add(const s3_primitive_key *key, s3_recipe *recipe) {
  const int64_t rows = key->values[KEY_ROWS], width = key->values[KEY_WIDTH];
  S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_SRC_0, rows, width));
  S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_SRC_1, key->values[KEY_ADDEND_ROWS], width));
  S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DST, rows, width));
  return s3_dnnl_status(
      s3_binary_add_desc(&recipe->desc, recipe->engine, recipe->attributes,
                         s3_md_borrow(&recipe->tensors[0]), s3_md_borrow(&recipe->tensors[1]),
                         s3_md_borrow(&recipe->tensors[2])),
      "binary add");
}

s3rec_status s3_onednn_add(s3_onednn_backend *backend, size_t rows, size_t width, const float *a,
                           const float *b, bool b_is_row, float *dst) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_primitive_key key = {
        .kind = S3_PRIMITIVE_ADD,
        .values = {(int64_t)piece, (int64_t)width, b_is_row ? 1 : (int64_t)piece}};
    const size_t first = row * width;
    const void *const handles[] = {a + first, b_is_row ? b : b + first, dst + first};
    S3_TRY(s3_primitive_run(&backend->primitives, &key, make_add, handles));
  }
  return S3REC_OK;
}

static s3rec_status make_activation(const s3_primitive_key *key, s3_recipe *recipe) {
  const int64_t rows = key->values[KEY_ROWS], width = key->values[KEY_WIDTH];
  const s3rec_activation activation = (s3rec_activation)key->values[KEY_ACTIVATION];
  const dnnl_alg_kind_t algorithm = activation == S3REC_GELU   ? dnnl_eltwise_gelu_erf
                                    : activation == S3REC_RELU ? dnnl_eltwise_relu
                                                               : dnnl_eltwise_swish;
  const float alpha = activation == S3REC_SWISH ? 1.0f : 0.0f;
  const bool backward = key->kind == S3_PRIMITIVE_ELTWISE_BACKWARD;
  S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_SRC, rows, width));
  if (backward) S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DIFF_DST, rows, width));
  S3_TRY(s3_recipe_matrix(recipe, backward ? DNNL_ARG_DIFF_SRC : DNNL_ARG_DST, rows, width));

  const s3_md_ref data = s3_md_borrow(&recipe->tensors[0]);
  dnnl_primitive_desc_t forward;
  S3_TRY_DNNL("activation", s3_eltwise_desc(&forward, recipe->engine, recipe->attributes, NULL,
                                            algorithm, alpha, data));
  if (!backward) {
    recipe->desc = forward;
    return S3REC_OK;
  }
  const dnnl_status_t status = s3_eltwise_desc(&recipe->desc, recipe->engine, recipe->attributes,
                                               forward, algorithm, alpha, data);
  dnnl_primitive_desc_destroy(forward);
  return s3_dnnl_status(status, "activation backward");
}

static s3rec_status onednn_bias_forward(s3_backend *base, size_t rows, size_t width,
                                        const float *bias, float *dst) {
  return s3_onednn_add((s3_onednn_backend *)base, rows, width, dst, bias, true, dst);
}

static s3rec_status onednn_bias_backward(s3_backend *base, size_t rows, size_t width,
                                         const float *diff_dst, float *diff_bias) {
  return s3_onednn_add_column_sums((s3_onednn_backend *)base, rows, width, diff_dst, diff_bias);
}

/* Kept is the argument of the activation, so nothing is saved without `keep`. */
static s3rec_status onednn_activation_forward(s3_backend *base, s3rec_activation activation,
                                              bool keep, size_t rows, size_t width, float *src_kept,
                                              const float *bias, float *dst) {
  (void)keep;
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  S3_TRY(s3_onednn_add(backend, rows, width, src_kept, bias, true, src_kept));
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_primitive_key key = {.kind = S3_PRIMITIVE_ELTWISE_FORWARD,
                                  .values = {(int64_t)piece, (int64_t)width, (int64_t)activation}};
    const void *const handles[] = {src_kept + row * width, dst + row * width};
    S3_TRY(s3_primitive_run(&backend->primitives, &key, make_activation, handles));
  }
  return S3REC_OK;
}

static s3rec_status onednn_activation_backward(s3_backend *base, s3rec_activation activation,
                                               size_t rows, size_t width, const float *kept,
                                               const float *diff_dst, float *diff_src,
                                               float *diff_bias) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_primitive_key key = {.kind = S3_PRIMITIVE_ELTWISE_BACKWARD,
                                  .values = {(int64_t)piece, (int64_t)width, (int64_t)activation}};
    const size_t first = row * width;
    const void *const handles[] = {kept + first, diff_dst + first, diff_src + first};
    S3_TRY(s3_primitive_run(&backend->primitives, &key, make_activation, handles));
  }
  return s3_onednn_add_column_sums(backend, rows, width, diff_src, diff_bias);
}

/* The backend. */

static void destroy_onednn_backend(s3_backend *base) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  const s3rec_context *context = base->context;
  s3_primitive_cache_clear(&backend->primitives);
  s3_free(context, backend->ones);
  s3_free(context, backend->scratch);
  s3_free(context, backend);
}

static const s3_backend_operations onednn_operations = {
    .linear_forward = onednn_linear_forward,
    .linear_backward_data = onednn_linear_backward_data,
    .linear_backward_weights = onednn_linear_backward_weights,
    .bias_forward = onednn_bias_forward,
    .bias_backward = onednn_bias_backward,
    .activation_forward = onednn_activation_forward,
    .activation_backward = onednn_activation_backward,
    .embedding_forward = s3_onednn_embedding_forward,
    .embedding_backward = s3_onednn_embedding_backward,
    .add_norm_forward = s3_onednn_add_norm_forward,
    .add_norm_backward = s3_onednn_add_norm_backward,
    .attention_forward = s3_onednn_attention_forward,
    .attention_backward = s3_onednn_attention_backward,
    .destroy = destroy_onednn_backend,
};

s3rec_status s3_onednn_backend_create(const s3rec_context *context, s3_backend **result) {
  S3_TRY(s3_dnnl_may_generate());
  s3_onednn_backend *backend = s3_allocate(context, 1, sizeof *backend);
  if (backend == NULL) return S3REC_ERROR_MEMORY;
  backend->base = (s3_backend){&onednn_operations, context};
  s3rec_status status = s3_primitive_cache_init(&backend->primitives, context);
  if (status == S3REC_OK) {
    backend->ones = s3_allocate(context, S3_MAX_PIECE, sizeof(float));
    if (backend->ones == NULL) status = S3REC_ERROR_MEMORY;
  }
  if (status != S3REC_OK) {
    destroy_onednn_backend(&backend->base);
    return status;
  }
  for (size_t i = 0; i < S3_MAX_PIECE; i++) backend->ones[i] = 1.0f;
  *result = &backend->base;
  return S3REC_OK;
}
