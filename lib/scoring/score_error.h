/* SPDX-License-Identifier: Apache-2.0 */
/* How far two ways to compute the same score can be apart.
 *
 * The score of an item is what kernels->matrix_vector gives for its row: the same
 * bits whatever is scored with it. A matrix product is faster for many users, but
 * its rounding depends on where a row stands in it. So products only sort out
 * what is far enough from the decision; the rest is scored again, and what follows
 * from a user vector is the same for many users at once as for each alone. */
#ifndef S3_SCORING_SCORE_ERROR_H
#define S3_SCORING_SCORE_ERROR_H

#include "model/model.h"

/* Euclidean norm of the longest row of the item table; INFINITY when a weight is NaN. */
double s3_largest_item_norm(const s3rec_model *model);

/* Largest difference between the scores of one item for this user: each sum of H
 * products, in any order, is off by at most H 2^-24 |user| |item| (Higham 2002,
 * section 3.1). INFINITY when a sum might overflow. */
double s3_score_error(const s3rec_model *model, double largest_item_norm, const float *vector);

/* The score of one item. */
float s3_score_of(const s3rec_model *model, const float *vector, int32_t id);

#endif
