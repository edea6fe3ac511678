/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and activation functions. */
#include "dnnl/onednn_backend.h"

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

s3rec_status s3_onednn_add(s3_onednn_backend *backend, size_t rows, size_t width,
                           const float *a, const float *b, bool b_is_row, float *dst) {
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

s3rec_status s3_onednn_bias_forward(s3_backend *base, size_t rows, size_t width,
                                    const float *bias, float *dst) {
  return s3_onednn_add((s3_onednn_backend *)base, rows, width, dst, bias, true, dst);
}

s3rec_status s3_onednn_bias_backward(s3_backend *base, size_t rows, size_t width,
                                     const float *diff_dst, float *diff_bias) {
  return s3_onednn_add_column_sums((s3_onednn_backend *)base, rows, width, diff_dst, diff_bias);
}

/* Kept is the argument of the activation, so nothing is saved without `keep`. */
s3rec_status s3_onednn_activation_forward(s3_backend *base, s3rec_activation activation,
                                          bool keep, size_t rows, size_t width, float *src_kept,
                                          const float *bias, float *dst) {
  (void)keep;
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  S3_TRY(s3_onednn_add(backend, rows, width, src_kept, bias, true, src_kept));
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_primitive_key key = {
        .kind = S3_PRIMITIVE_ELTWISE_FORWARD,
        .values = {(int64_t)piece, (int64_t)width, (int64_t)activation}};
    const void *const handles[] = {src_kept + row * width, dst + row * width};
    S3_TRY(s3_primitive_run(&backend->primitives, &key, make_activation, handles));
  }
  return S3REC_OK;
}

s3rec_status s3_onednn_activation_backward(s3_backend *base, s3rec_activation activation,
                                           size_t rows, size_t width, const float *kept,
                                           const float *diff_dst, float *diff_src,
                                           float *diff_bias) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_primitive_key key = {
        .kind = S3_PRIMITIVE_ELTWISE_BACKWARD,
        .values = {(int64_t)piece, (int64_t)width, (int64_t)activation}};
    const size_t first = row * width;
    const void *const handles[] = {kept + first, diff_dst + first, diff_src + first};
    S3_TRY(s3_primitive_run(&backend->primitives, &key, make_activation, handles));
  }
  return s3_onednn_add_column_sums(backend, rows, width, diff_src, diff_bias);
}
