/* SPDX-License-Identifier: Apache-2.0 */
#include "base/finite.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* All exponent bits set: infinity or NaN. */
static bool is_finite(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7f800000u) != 0x7f800000u;
}

/* Piece by piece, each without a branch, so that the compiler can vectorise. */
size_t s3_first_not_finite(const float *values, size_t count) {
  enum { PIECE = 1024 };
  for (size_t begin = 0; begin < count; begin += PIECE) {
    const size_t end = count - begin < PIECE ? count : begin + PIECE;
    bool finite = true;
    for (size_t i = begin; i < end; i++) finite &= is_finite(values[i]);
    if (finite) continue;
    while (is_finite(values[begin])) begin++;
    return begin;
  }
  return count;
}
