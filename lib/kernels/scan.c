/* SPDX-License-Identifier: Apache-2.0 */
/* One vector against all rows of a table, and picking what is above a threshold. */
#include "kernels/level.h"

/* Four rows at once hide the latency of the sums. One sequence of instructions
 * serves every row, the last ones too, so that a row's product has the same bits
 * wherever it stands: ties between items rest on that. */
static void four_products(const float *const row[4], size_t width, const float *vector,
                          float product[4]) {
  s3_vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  for (size_t c = 0; c < width; c += S3_LANES) {
    const size_t count = s3_lanes_left(width - c);
    const s3_vector v = s3_load_some(vector + c, count);
    s0 += v * s3_load_some(row[0] + c, count);
    s1 += v * s3_load_some(row[1] + c, count);
    s2 += v * s3_load_some(row[2] + c, count);
    s3 += v * s3_load_some(row[3] + c, count);
  }
  product[0] = s3_lane_sum(s0);
  product[1] = s3_lane_sum(s1);
  product[2] = s3_lane_sum(s2);
  product[3] = s3_lane_sum(s3);
}

void S3_NAME(matrix_vector)(size_t rows, size_t width, const float *matrix,
                            const float *vector, float *dst) {
  for (size_t r = 0; r < rows; r += 4) {
    const size_t count = rows - r < 4 ? rows - r : 4;
    const float *row[4];
    float product[4];
    for (size_t i = 0; i < 4; i++) row[i] = matrix + (r + (i < count ? i : 0)) * width;
    four_products(row, width, vector, product);
    memcpy(dst + r, product, count * sizeof *dst);
  }
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
