/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_OBJECTIVES_LABEL_SMOOTHING_H
#define S3_OBJECTIVES_LABEL_SMOOTHING_H

#include "objectives/next_item_ce.h"

/* Turns the sums and gradients of a cross-entropy over the labels (1-s) onehot(y) into those
 * over (1-s) onehot(y) + s q. Returns what the mean loss lacks: -s/N sum over q_c z_c. */
double s3_smooth_labels(s3_cross_entropy *ce);

#endif
