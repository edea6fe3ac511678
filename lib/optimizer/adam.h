/* SPDX-License-Identifier: Apache-2.0 */
/* Adam (Kingma and Ba 2015) as torch.optim.Adam computes it, for step t = 1, 2, ...:
 *
 *   g = clip_scale * gradient + weight_decay * w
 *   m = m + (1 - beta1) (g - m)
 *   v = beta2 v + (1 - beta2) g^2
 *   w = w - lr * decoupled_weight_decay * w     (torch.optim.AdamW)
 *   w = w - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 *
 * Every weight is updated at every step, because moments and decay act on all of them; an item
 * row that the batch does not use has the gradient 0. The learning rate lr of step t is
 * s3_learning_rate of update t - 1. Where it is 0, the moments change and the weights do not. */
#ifndef S3_OPTIMIZER_ADAM_H
#define S3_OPTIMIZER_ADAM_H

#include "kernels/kernels.h"
#include "s3rec/trainer.h"

/* The constants of step t = `step`, from 1, for a gradient of this norm. */
s3_adam_step s3_adam_step_make(const s3rec_trainer_options *options, uint64_t step,
                               double gradient_norm);

/* The learning rate of update s = 0, 1, ... (s is t - 1 above), with W = warmup_steps and
 * D = decay_steps:
 *
 *   s < W:           rate = learning_rate * (s + 1) / W
 *   D = 0:           rate = learning_rate
 *   W <= s < D:      rate = learning_rate * (1 + cos(pi (s - W) / (D - W))) / 2
 *   s >= D:          rate = 0
 *
 * The first line whose condition is true counts. D is 0 or greater than W. */
double s3_learning_rate(const s3rec_trainer_options *options, uint64_t update);

#endif
