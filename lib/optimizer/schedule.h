/* SPDX-License-Identifier: Apache-2.0 */
/* The learning rate of update s = 0, 1, ..., with W = warmup_steps and
 * D = decay_steps:
 *
 *   s < W:           rate = learning_rate * (s + 1) / W
 *   D = 0:           rate = learning_rate
 *   W <= s < D:      rate = learning_rate * (1 + cos(pi (s - W) / (D - W))) / 2
 *   s >= D:          rate = 0
 *
 * where the first line that holds counts; D is 0 or above W. */
#ifndef S3_OPTIMIZER_SCHEDULE_H
#define S3_OPTIMIZER_SCHEDULE_H

#include "s3rec/trainer.h"

double s3_learning_rate(const s3rec_trainer_options *options, uint64_t update);

#endif
