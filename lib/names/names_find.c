/* SPDX-License-Identifier: Apache-2.0 */
/* Binary search. Each step waits for memory three times (order, offsets, text), so several
 * names are searched in step, and what one waits for is fetched while others go on. */
#include <string.h>

#include "names/names.h"

enum { LANES = 16 };

typedef struct lane {
  const char *name;
  size_t length;
  size_t begin; /* the answer, if there is one, is at begin .. begin + rest - 1 */
  size_t index; /* of the name that is compared */
} lane;

/* Below, at or above 0 as the name of `index` is below, at or above this one. */
static int compare(const s3_names *names, size_t index, const char *name, size_t length) {
  const size_t own = s3_name_length(names, index);
  const int order = memcmp(s3_name(names, index), name, own < length ? own : length);
  return order != 0 ? order : (own > length) - (own < length);
}

/* The lanes' next names to compare: those of place begin + step. */
static void fetch(const s3_names *names, lane *lanes, size_t count, size_t step) {
  for (size_t i = 0; i < count; i++) {
    lanes[i].index = (size_t)names->order[lanes[i].begin + step];
    __builtin_prefetch(&names->offsets[lanes[i].index]);
  }
  for (size_t i = 0; i < count; i++) __builtin_prefetch(s3_name(names, lanes[i].index));
}

static void find_lanes(const s3_names *names, lane *lanes, size_t count, int32_t base,
                       int32_t *ids) {
  size_t rest = names->count;
  while (rest > 1) {
    const size_t half = rest / 2;
    fetch(names, lanes, count, half);
    rest -= half;
    for (size_t i = 0; i < count; i++) {
      lane *const at = &lanes[i];
      if (compare(names, at->index, at->name, at->length) <= 0) at->begin += half;
      /* Where the next step looks. */
      __builtin_prefetch(&names->order[at->begin + rest / 2]);
    }
  }
  fetch(names, lanes, count, 0);
  for (size_t i = 0; i < count; i++) {
    const bool equal = compare(names, lanes[i].index, lanes[i].name, lanes[i].length) == 0;
    ids[i] = equal ? base + (int32_t)lanes[i].index : -1;
  }
}

size_t s3_names_first_difference(const s3_names *left, const s3_names *right) {
  const size_t count = left->count < right->count ? left->count : right->count;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(s3_name(left, i), s3_name(right, i)) != 0) return i;
  }
  return count;
}

void s3_names_find(const s3_names *names, const char *text, const int64_t *offsets, size_t count,
                   int32_t base, int32_t *ids) {
  if (names->count == 0) {
    for (size_t i = 0; i < count; i++) ids[i] = -1;
    return;
  }
  lane lanes[LANES];
  for (size_t first = 0; first < count; first += LANES) {
    const size_t taken = count - first < LANES ? count - first : LANES;
    for (size_t i = 0; i < taken; i++) {
      const int64_t begin = offsets[first + i];
      lanes[i] = (lane){.name = text + begin, .length = (size_t)(offsets[first + i + 1] - begin)};
    }
    find_lanes(names, lanes, taken, base, ids + first);
  }
}
