/* SPDX-License-Identifier: Apache-2.0 */
/* One vector against all rows of a table, and picking what is above a threshold. */
#include "kernels/level.h"

static float dot(size_t width, const float *a, const float *b) {
  s3_vector sum = {0};
  size_t c = 0;
  for (; c + S3_LANES <= width; c += S3_LANES) sum += s3_load(a + c) * s3_load(b + c);
  float total = s3_lane_sum(sum);
  for (; c < width; c++) total += a[c] * b[c];
  return total;
}

void S3_NAME(matrix_vector)(size_t rows, size_t width, const float *matrix,
                            const float *vector, float *dst) {
  size_t r = 0;
  /* Four rows at once hide the latency of the sums. */
  for (; r + 4 <= rows; r += 4) {
    const float *row = matrix + r * width;
    s3_vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    size_t c = 0;
    for (; c + S3_LANES <= width; c += S3_LANES) {
      const s3_vector v = s3_load(vector + c);
      s0 += v * s3_load(row + c);
      s1 += v * s3_load(row + width + c);
      s2 += v * s3_load(row + 2 * width + c);
      s3 += v * s3_load(row + 3 * width + c);
    }
    float total[4] = {s3_lane_sum(s0), s3_lane_sum(s1), s3_lane_sum(s2), s3_lane_sum(s3)};
    for (; c < width; c++)
      for (size_t i = 0; i < 4; i++) total[i] += row[i * width + c] * vector[c];
    memcpy(dst + r, total, sizeof total);
  }
  for (; r < rows; r++) dst[r] = dot(width, matrix + r * width, vector);
}

size_t S3_NAME(select_above)(size_t count, const float *values, float threshold,
                             uint32_t *indices) {
  size_t selected = 0;
  enum { BLOCK = 32 };
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK) {
    /* Nearly every block has none: one vector test passes over it. */
    int32_t any = 0;
#pragma omp simd reduction(| : any)
    for (size_t j = 0; j < BLOCK; j++) any |= values[i + j] > threshold;
    if (any == 0) continue;
    for (size_t j = 0; j < BLOCK; j++)
      if (values[i + j] > threshold) indices[selected++] = (uint32_t)(i + j);
  }
  for (; i < count; i++)
    if (values[i] > threshold) indices[selected++] = (uint32_t)i;
  return selected;
}
