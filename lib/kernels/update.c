/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over gradients, and the optimizer's update. */
#include <math.h>

#include "kernels/level.h"

void S3_NAME(add)(size_t count, const float *src, float *dst) {
#pragma omp simd
  for (size_t i = 0; i < count; i++) dst[i] += src[i];
}

double S3_NAME(square_sum)(size_t count, const float *values) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; i++) sum += (double)values[i] * (double)values[i];
  return sum;
}

/* One weight of Adam; the formula stands in optimizer/adam.h. */
static inline void adam_one(const s3_adam_step step, float gradient, float *weight,
                            float *moment1, float *moment2) {
  const float g = gradient + step.weight_decay * *weight;
  const float m = *moment1 + step.complement1 * (g - *moment1);
  const float v = step.beta2 * *moment2 + step.complement2 * g * g;
  *moment1 = m;
  *moment2 = v;
  *weight = step.kept * *weight - step.learning_rate * step.correction1 * m /
                                      (sqrtf(v) * step.correction2 + step.epsilon);
}

void S3_NAME(adam)(size_t count, const s3_adam_step *step, const float *gradient,
                   float *weights, float *moment1, float *moment2) {
  const s3_adam_step s = *step;
  if (gradient == NULL) {
#pragma omp simd
    for (size_t i = 0; i < count; i++)
      adam_one(s, 0.0f, weights + i, moment1 + i, moment2 + i);
  } else {
#pragma omp simd
    for (size_t i = 0; i < count; i++)
      adam_one(s, s.gradient_scale * gradient[i], weights + i, moment1 + i, moment2 + i);
  }
}
