/* SPDX-License-Identifier: Apache-2.0 */
/* The score of an item, and how far other ways to compute it can be off.
 *
 * The score of an item is what kernels->matrix_vector gives for its row: the same
 * bits whatever is scored with it. Two other ways are faster. A matrix product scores
 * many users at once, but its rounding depends on where a row stands in it. A compact
 * copy of the item table (s3rec_scan) has fewer bytes to read, but it only bounds a
 * score. So both only sort out what is far enough from the decision. The rest is scored
 * again, and what follows from a user vector has the same bits every way.
 *
 * Compact copies: with |q| <= Q and |r| <= R over all items, in the terms of
 * kernels/quantized.c,
 *
 *   int8   <u, e> = scale (scale_u <p, q> + scale_u <w, q> + <u, r>)
 *                <= scale (scale_u <p, q> + slack),  slack = scale_u |w| Q + |u| R
 *   bf16   <u, e> <= <u, b> + slack,  slack = |u| 2^-8 largest |e|
 *
 * by Cauchy and Schwarz; both slacks also cover the rounding of the sums in float. No
 * item whose score is above a threshold has a bound below it, so what is picked by bounds
 * and scored again is exactly what scoring all would pick. */
#ifndef S3_SCORING_ITEM_SCORES_H
#define S3_SCORING_ITEM_SCORES_H

#include "kernels/kernels.h"
#include "model/model.h"
#include "s3rec/scorer.h"

/* The score of one item. */
float s3_score_of(const s3rec_model *model, const float *vector, int32_t id);

/* Euclidean norm of the longest row of the item table; INFINITY when a weight is NaN. */
double s3_largest_item_norm(const s3rec_model *model);

/* Largest difference between two ways to compute the score of one item for this user:
 * each sum of H products, in any order, is off by at most H 2^-24 |user| |item| (Higham
 * 2002, section 3.1). INFINITY when a sum might overflow. */
double s3_score_error(const s3rec_model *model, double largest_item_norm, const float *vector);

/* Item 1 + i of the model is item i of the blocks; read-only once made. */
typedef struct s3_quantized_items {
  s3rec_scan scan;
  bool usable; /* false: weights that are not finite, or too large or small to bound */
  size_t block_count, groups;
  double magnitude;  /* int8: Q. bf16: largest |e| */
  double residual;   /* int8: R */
  float *scales;     /* int8: [block_count, S3_BLOCK_ITEMS] */
  void *values;      /* [block_count, groups, S3_BLOCK_ITEMS] words of 4 bytes */
  size_t byte_count; /* of everything */
} s3_quantized_items;

/* The model's table of that kind, which is made if it is not there. The caller holds
 * the model for scoring. */
s3rec_status s3_quantized_items_get(s3rec_model *model, s3rec_scan scan,
                                    const s3_quantized_items **items);

/* Bytes of a user's columns in the table's form. */
static inline size_t s3_quantized_user_size(const s3_quantized_items *items) {
  return items->groups * (items->scan == S3REC_SCAN_INT8 ? 4 : 2 * sizeof(float));
}

/* Makes `user` of a user vector [H]; `columns` [s3_quantized_user_size] are the user's,
 * aligned for floats. False when no bound can be given. */
bool s3_quantize_user(const s3_quantized_items *items, size_t width, const float *vector,
                      void *columns, s3_bound_user *user);

/* Bounds of the items of blocks first_block .. first_block + blocks - 1. */
void s3_quantized_bounds(const s3_quantized_items *items, const s3rec_model *model,
                         size_t first_block, size_t blocks, size_t users, const s3_bound_user *user,
                         size_t stride, float *bounds);

#endif
