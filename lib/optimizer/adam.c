/* SPDX-License-Identifier: Apache-2.0 */
#include "optimizer/adam.h"

#include <math.h>

double s3_learning_rate(const s3rec_trainer_options *options, uint64_t update) {
  static const double pi = 3.14159265358979323846;
  const double full = options->learning_rate;
  const uint64_t warmup = options->warmup_steps, decay = options->decay_steps;
  if (update < warmup) return full * ((double)(update + 1) / (double)warmup);
  if (decay == 0) return full;
  if (update >= decay) return 0.0;
  const double part = (double)(update - warmup) / (double)(decay - warmup);
  return full * (0.5 * (1.0 + cos(pi * part)));
}

s3_adam_step s3_adam_step_make(const s3rec_trainer_options *options, uint64_t step,
                               double gradient_norm) {
  double scale = 1.0;
  if (options->max_gradient_norm > 0.0) {
    /* torch.nn.utils.clip_grad_norm_ */
    scale = options->max_gradient_norm / (gradient_norm + 1e-6);
    if (scale > 1.0) scale = 1.0;
  }
  const double learning_rate = s3_learning_rate(options, step - 1);
  return (s3_adam_step){
      .learning_rate = (float)learning_rate,
      .beta2 = (float)options->adam_beta2,
      .complement1 = (float)(1.0 - options->adam_beta1),
      .complement2 = (float)(1.0 - options->adam_beta2),
      .epsilon = (float)options->adam_epsilon,
      .weight_decay = (float)options->weight_decay,
      .correction1 = (float)(1.0 / (1.0 - pow(options->adam_beta1, (double)step))),
      .correction2 = (float)(1.0 / sqrt(1.0 - pow(options->adam_beta2, (double)step))),
      .gradient_scale = (float)scale,
      .kept = (float)(1.0 - learning_rate * options->decoupled_weight_decay),
  };
}
