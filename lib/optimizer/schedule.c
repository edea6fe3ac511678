/* SPDX-License-Identifier: Apache-2.0 */
#include "optimizer/schedule.h"

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
