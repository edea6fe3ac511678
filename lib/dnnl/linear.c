/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices: linear layers, column sums, and what attention needs. */
#include <string.h>

#include "dnnl/onednn_backend.h"

enum { KEY_BATCH, KEY_M, KEY_N, KEY_K, KEY_A, KEY_B = KEY_A + 3, KEY_C = KEY_B + 3,
       KEY_OUTPUT = KEY_C + 2 };
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

static s3rec_status set_output(s3_recipe *recipe, int64_t output) {
  float scale = 1.0f;
  if (output != OUTPUT_ACCUMULATE) {
    const uint32_t bits = (uint32_t)output;
    memcpy(&scale, &bits, sizeof scale);
    if (scale == 1.0f) return S3REC_OK;
  }
  dnnl_post_ops_t post_ops;
  S3_TRY_DNNL("post-ops", dnnl_post_ops_create(&post_ops));
  dnnl_status_t status = output == OUTPUT_ACCUMULATE ? s3_append_sum(post_ops)
                                                     : s3_append_scale(post_ops, scale);
  if (status == dnnl_success) {
    status = dnnl_primitive_attr_set_post_ops(recipe->attributes, post_ops);
  }
  dnnl_post_ops_destroy(post_ops);
  return s3_dnnl_status(status, "matmul post-op");
}

static s3rec_status make_matmul(const s3_primitive_key *key, s3_recipe *recipe) {
  const int64_t *v = key->values;
  S3_TRY(set_output(recipe, v[KEY_OUTPUT]));
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
    const s3_matmul_shape shape = {.batch = 1, .m = 1, .n = width, .k = piece,
                                   .a = {0, S3_MAX_PIECE, 1}, .b = {0, width, 1},
                                   .c = {0, width, 1}, .scale = 1.0f, .accumulate = true};
    S3_TRY(s3_onednn_matmul(backend, &shape, backend->ones, src + row * width, sums));
  }
  return S3REC_OK;
}

s3rec_status s3_onednn_linear_forward(s3_backend *base, size_t rows, size_t in, size_t out,
                                      const float *src, const float *weights, float *dst) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_matmul_shape shape = {.batch = 1, .m = piece, .n = out, .k = in, .a = {0, in, 1},
                                   .b = {0, 1, in}, .c = {0, out, 1}, .scale = 1.0f};
    S3_TRY(s3_onednn_matmul((s3_onednn_backend *)base, &shape, src + row * in, weights,
                            dst + row * out));
  }
  return S3REC_OK;
}

s3rec_status s3_onednn_linear_backward_data(s3_backend *base, size_t rows, size_t in, size_t out,
                                            const float *diff_dst, const float *weights,
                                            bool accumulate, float *diff_src) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_matmul_shape shape = {.batch = 1, .m = piece, .n = in, .k = out, .a = {0, out, 1},
                                   .b = {0, in, 1}, .c = {0, in, 1}, .scale = 1.0f,
                                   .accumulate = accumulate};
    S3_TRY(s3_onednn_matmul((s3_onednn_backend *)base, &shape, diff_dst + row * out, weights,
                            diff_src + row * in));
  }
  return S3REC_OK;
}

s3rec_status s3_onednn_linear_backward_weights(s3_backend *base, size_t rows, size_t in,
                                               size_t out, const float *src,
                                               const float *diff_dst, float *diff_weights) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_matmul_shape shape = {.batch = 1, .m = out, .n = in, .k = piece, .a = {0, 1, out},
                                   .b = {0, in, 1}, .c = {0, in, 1}, .scale = 1.0f,
                                   .accumulate = true};
    S3_TRY(s3_onednn_matmul((s3_onednn_backend *)base, &shape, diff_dst + row * out,
                            src + row * in, diff_weights));
  }
  return S3REC_OK;
}
