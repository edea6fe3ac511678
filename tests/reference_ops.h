/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation of backend/backend.h again, as plain loops in double: what the
 * backends are compared with. Matrices have no gaps. Nothing is kept: backward
 * takes what forward took. Sums follow the backends' rule: gradients of
 * parameters are added to, everything else is overwritten. */
#ifndef S3_TESTS_REFERENCE_OPS_H
#define S3_TESTS_REFERENCE_OPS_H

#include "backend/backend.h"

void reference_linear_forward(size_t rows, size_t in, size_t out, const double *src,
                              const double *weights, double *dst);
void reference_linear_backward_data(size_t rows, size_t in, size_t out, const double *diff_dst,
                                    const double *weights, bool accumulate, double *diff_src);
void reference_linear_backward_weights(size_t rows, size_t in, size_t out, const double *src,
                                       const double *diff_dst, double *diff_weights);

void reference_bias_forward(size_t rows, size_t width, const double *bias, double *dst);
void reference_bias_backward(size_t rows, size_t width, const double *diff_dst,
                             double *diff_bias);

/* Value and derivative at one point. */
double reference_activation(s3rec_activation activation, double x);
double reference_activation_slope(s3rec_activation activation, double x);
void reference_activation_forward(s3rec_activation activation, size_t rows, size_t width,
                                  const double *src, const double *bias, double *dst);
void reference_activation_backward(s3rec_activation activation, size_t rows, size_t width,
                                   const double *src, const double *bias,
                                   const double *diff_dst, double *diff_src, double *diff_bias);

typedef struct reference_norm {
  const double *scale, *shift;
} reference_norm;
typedef struct reference_norm_diff {
  double *scale, *shift;
} reference_norm_diff;

/* dst = norm(x) */
void reference_norm_forward(size_t rows, size_t width, const double *x, reference_norm norm,
                            double *dst);
void reference_norm_backward(size_t rows, size_t width, const double *x, reference_norm norm,
                             const double *diff_dst, reference_norm_diff diff_norm,
                             double *diff_x);

/* dst = src * the dropout factors of whole rows; dst may be src. */
void reference_dropout(size_t rows, size_t width, const s3_row_dropout *dropout,
                       const double *src, double *dst);

/* sum = items[ids[r]] + positions[slots[r]], dst = dropout(norm(sum)) */
void reference_embedding_forward(size_t rows, size_t width, const double *items,
                                 const int32_t *ids, const double *positions,
                                 const int32_t *slots, reference_norm norm,
                                 const s3_row_dropout *dropout, double *sum, double *dst);
void reference_embedding_backward(size_t rows, size_t width, const double *sum,
                                  reference_norm norm, const s3_row_dropout *dropout,
                                  const double *diff_dst, reference_norm_diff diff_norm,
                                  double *diff_sum);

/* sum = dropout(src + bias) + residual, dst = norm(sum) */
void reference_add_norm_forward(size_t rows, size_t width, const double *src,
                                const double *bias, const double *residual,
                                reference_norm norm, const s3_row_dropout *dropout,
                                double *sum, double *dst);
void reference_add_norm_backward(size_t rows, size_t width, const double *sum,
                                 reference_norm norm, const s3_row_dropout *dropout,
                                 const double *diff_dst, reference_norm_diff diff_norm,
                                 double *diff_bias, double *diff_src, double *diff_residual);

/* query [query rows, H], key and value [key rows, H]; probability_offsets is not
 * looked at. */
typedef struct reference_attention {
  const double *query, *key, *value;
} reference_attention;
typedef struct reference_attention_diff {
  double *query, *key, *value;
} reference_attention_diff;
void reference_attention_forward(const s3_attention_shape *shape, reference_attention input,
                                 double *dst);
void reference_attention_backward(const s3_attention_shape *shape, reference_attention input,
                                  const double *diff_dst, reference_attention_diff diff);

#endif
