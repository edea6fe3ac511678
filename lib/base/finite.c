/* SPDX-License-Identifier: Apache-2.0 */
#include "base/finite.h"

#include <stdint.h>
#include <string.h>

/* The sign bit is set for infinity and NaN, whose exponent bits are all set: one
 * more at the exponent's lowest place carries into it. */
static uint32_t carry(const float *value) {
  uint32_t bits;
  memcpy(&bits, value, sizeof bits);
  return (bits & 0x7fffffffu) + 0x00800000u;
}

/* Piece by piece, each without a branch: an `or` of carries becomes vectors and runs
 * as fast as memory delivers. */
size_t s3_first_not_finite(const float *values, size_t count) {
  enum { PIECE = 1024 };
  for (size_t begin = 0; begin < count; begin += PIECE) {
    const size_t end = count - begin < PIECE ? count : begin + PIECE;
    uint32_t carries = 0;
    for (size_t i = begin; i < end; i++) carries |= carry(&values[i]);
    if (carries >> 31 == 0) continue;
    while (carry(&values[begin]) >> 31 == 0) begin++;
    return begin;
  }
  return count;
}
