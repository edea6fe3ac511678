/* SPDX-License-Identifier: Apache-2.0 */
/* Layer norm with what comes before and after it. Kept: the values that were
 * normalized, and for each piece of n rows their n means and n variances. */
#include <string.h>

#include "dnnl/onednn_backend.h"

static const float epsilon = 1e-12f;

enum { KEY_ROWS, KEY_WIDTH };

static s3rec_status make_norm(const s3_primitive_key *key, s3_recipe *recipe) {
  const int64_t rows = key->values[KEY_ROWS], width = key->values[KEY_WIDTH];
  const bool backward = key->kind == S3_PRIMITIVE_NORM_BACKWARD;
  S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_SRC, rows, width));
  S3_TRY(s3_recipe_vector(recipe, DNNL_ARG_MEAN, rows));
  S3_TRY(s3_recipe_vector(recipe, DNNL_ARG_VARIANCE, rows));
  S3_TRY(s3_recipe_vector(recipe, DNNL_ARG_SCALE, width));
  S3_TRY(s3_recipe_vector(recipe, DNNL_ARG_SHIFT, width)); /* 2.x wants it backward too */
  if (backward) {
    S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DIFF_DST, rows, width));
    S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DIFF_SRC, rows, width));
    S3_TRY(s3_recipe_vector(recipe, DNNL_ARG_DIFF_SCALE, width));
    S3_TRY(s3_recipe_vector(recipe, DNNL_ARG_DIFF_SHIFT, width));
  } else {
    S3_TRY(s3_recipe_matrix(recipe, DNNL_ARG_DST, rows, width));
  }
  const s3_md_ref data = s3_md_borrow(&recipe->tensors[0]);
  const s3_md_ref statistics = s3_md_borrow(&recipe->tensors[1]);
  dnnl_primitive_desc_t forward;
  S3_TRY_DNNL("layer norm", s3_norm_desc(&forward, recipe->engine, recipe->attributes, NULL,
                                         epsilon, data, statistics));
  if (!backward) {
    recipe->desc = forward;
    return S3REC_OK;
  }
  const dnnl_status_t status = s3_norm_desc(&recipe->desc, recipe->engine, recipe->attributes,
                                            forward, epsilon, data, statistics);
  dnnl_primitive_desc_destroy(forward);
  return s3_dnnl_status(status, "layer norm backward");
}

/* dst = norm(kept.values) */
static s3rec_status onednn_norm_forward(s3_onednn_backend *backend, size_t rows, size_t width,
                                        s3_norm_weights norm, s3_norm_kept kept, float *dst) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_primitive_key key = {.kind = S3_PRIMITIVE_NORM_FORWARD,
                                  .values = {(int64_t)piece, (int64_t)width}};
    const float *mean = kept.statistics + 2 * row;
    const void *const handles[] = {
        kept.values + row * width, mean, mean + piece, norm.scale, norm.shift, dst + row * width};
    S3_TRY(s3_primitive_run(&backend->primitives, &key, make_norm, handles));
  }
  return S3REC_OK;
}

/* diff_sum: gradient of kept.values. `gradients` [2, width] is scratch, because
 * oneDNN overwrites where the library adds. */
static s3rec_status onednn_norm_backward(s3_onednn_backend *backend, size_t rows, size_t width,
                                         s3_norm_weights norm, s3_norm_kept kept,
                                         const float *diff_dst, float *gradients,
                                         s3_norm_gradients diff_norm, float *diff_sum) {
  for (size_t row = 0, piece; row < rows; row += piece) {
    piece = s3_row_piece(rows - row);
    const s3_primitive_key key = {.kind = S3_PRIMITIVE_NORM_BACKWARD,
                                  .values = {(int64_t)piece, (int64_t)width}};
    const float *mean = kept.statistics + 2 * row;
    const size_t first = row * width;
    const void *const handles[] = {kept.values + first, mean,       mean + piece,
                                   norm.scale,          norm.shift, diff_dst + first,
                                   diff_sum + first,    gradients,  gradients + width};
    S3_TRY(s3_primitive_run(&backend->primitives, &key, make_norm, handles));
    S3_TRY(s3_onednn_add(backend, 1, width, diff_norm.scale, gradients, false, diff_norm.scale));
    S3_TRY(s3_onednn_add(backend, 1, width, diff_norm.shift, gradients + width, false,
                         diff_norm.shift));
  }
  return S3REC_OK;
}

s3rec_status s3_onednn_embedding_forward(s3_backend *base, size_t rows, size_t width,
                                         const float *items, const int32_t *ids,
                                         const float *positions, const int32_t *slots,
                                         s3_norm_weights norm, const s3_row_dropout *dropout,
                                         s3_norm_kept kept, float *dst) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  /* oneDNN cannot gather rows by number. */
  for (size_t row = 0; row < rows; row++) {
    memcpy(kept.values + row * width, items + (size_t)ids[row] * width, width * sizeof(float));
    memcpy(dst + row * width, positions + (size_t)slots[row] * width, width * sizeof(float));
  }
  S3_TRY(s3_onednn_add(backend, rows, width, kept.values, dst, false, kept.values));
  S3_TRY(onednn_norm_forward(backend, rows, width, norm, kept, dst));
  s3_onednn_dropout(dropout, 0, rows, width, dst, dst);
  return S3REC_OK;
}

s3rec_status s3_onednn_embedding_backward(s3_backend *base, size_t rows, size_t width,
                                          s3_norm_weights norm, const s3_row_dropout *dropout,
                                          s3_norm_kept kept, const float *diff_dst,
                                          s3_norm_gradients diff_norm, float *diff_sum) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  float *gradients;
  S3_TRY(s3_onednn_scratch(backend, 2 * width + rows * width, &gradients));
  float *diff_norm_dst = gradients + 2 * width;
  s3_onednn_dropout(dropout, 0, rows, width, diff_dst, diff_norm_dst);
  return onednn_norm_backward(backend, rows, width, norm, kept, diff_norm_dst, gradients, diff_norm,
                              diff_sum);
}

s3rec_status s3_onednn_add_norm_forward(s3_backend *base, size_t rows, size_t width,
                                        const float *src, const float *bias, const float *residual,
                                        s3_norm_weights norm, const s3_row_dropout *dropout,
                                        s3_norm_kept kept, float *dst) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  S3_TRY(s3_onednn_add(backend, rows, width, src, bias, true, kept.values));
  s3_onednn_dropout(dropout, 0, rows, width, kept.values, kept.values);
  S3_TRY(s3_onednn_add(backend, rows, width, kept.values, residual, false, kept.values));
  return onednn_norm_forward(backend, rows, width, norm, kept, dst);
}

s3rec_status s3_onednn_add_norm_backward(s3_backend *base, size_t rows, size_t width,
                                         s3_norm_weights norm, const s3_row_dropout *dropout,
                                         s3_norm_kept kept, const float *diff_dst,
                                         s3_norm_gradients diff_norm, float *diff_bias,
                                         float *diff_src, float *diff_residual) {
  s3_onednn_backend *backend = (s3_onednn_backend *)base;
  float *gradients;
  S3_TRY(s3_onednn_scratch(backend, 2 * width, &gradients));
  S3_TRY(onednn_norm_backward(backend, rows, width, norm, kept, diff_dst, gradients, diff_norm,
                              diff_residual));
  s3_onednn_dropout(dropout, 0, rows, width, diff_residual, diff_src);
  return s3_onednn_add_column_sums(backend, rows, width, diff_src, diff_bias);
}
