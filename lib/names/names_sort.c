/* SPDX-License-Identifier: Apache-2.0 */
/* Names in the order of their bytes. A merge sort by eight bytes at a time: names that are
 * the same so far are sorted once more by the next eight. No name makes it slower than
 * its length times log(count), and memory is the context's, which qsort's is not. */
#include <string.h>

#include "base/error.h"
#include "names/names.h"
#include "base/utf8.h"

typedef struct sorted_name {
  uint64_t key; /* eight bytes as a number, the first counting most; zeros behind the end */
  int32_t index;
} sorted_name;

static uint64_t key_at(const s3_names *names, size_t index, size_t depth) {
  const char *const name = s3_name(names, index) + depth;
  const size_t rest = s3_name_length(names, index) - depth;
  uint64_t key = 0;
  for (size_t i = 0; i < 8; i++) key = key << 8 | (i < rest ? (unsigned char)name[i] : 0);
  return key;
}

static bool is_rising(const sorted_name *names, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (names[i].key < names[i - 1].key) return false;
  }
  return true;
}

static void merge(const sorted_name *from, size_t begin, size_t middle, size_t end,
                  sorted_name *to) {
  size_t left = begin, right = middle;
  for (size_t i = begin; i < end; i++) {
    const bool take_left = right == end || (left < middle && from[left].key <= from[right].key);
    to[i] = take_left ? from[left++] : from[right++];
  }
}

/* Equal keys stay in their order. */
static void sort_by_key(sorted_name *names, sorted_name *scratch, size_t count) {
  if (is_rising(names, count)) return;
  sorted_name *from = names, *to = scratch;
  for (size_t width = 1; width < count; width *= 2) {
    for (size_t begin = 0; begin < count; begin += 2 * width) {
      const size_t middle = count - begin < width ? count : begin + width;
      const size_t end = count - middle < width ? count : middle + width;
      merge(from, begin, middle, end, to);
    }
    sorted_name *const swapped = from;
    from = to;
    to = swapped;
  }
  if (from != names) memcpy(names, from, count * sizeof *names);
}

/* Sorts names that are the same in their first `depth` bytes and have more. The first of
 * two equal names, NULL when there are none; the other one is behind it. Each level goes
 * eight bytes deeper, so there are at most S3REC_MAX_NAME_LENGTH / 8 + 1. */
static const sorted_name *sort_from(const s3_names *all, sorted_name *names, sorted_name *scratch,
                                    size_t count, size_t depth) {
  for (size_t i = 0; i < count; i++) names[i].key = key_at(all, (size_t)names[i].index, depth);
  sort_by_key(names, scratch, count);
  for (size_t begin = 0, end; begin < count; begin = end) {
    const uint64_t key = names[begin].key;
    for (end = begin + 1; end < count && names[end].key == key; end++) continue;
    if (end - begin == 1) continue;
    if ((key & 0xFF) == 0) return &names[begin]; /* no byte of a name is 0: both end here */
    const sorted_name *const equal = sort_from(all, names + begin, scratch, end - begin, depth + 8);
    if (equal != NULL) return equal;
  }
  return NULL;
}

static s3rec_status sort_into(const s3_names *names, sorted_name *sorted, sorted_name *scratch,
                              int32_t *order) {
  for (size_t i = 0; i < names->count; i++) sorted[i].index = (int32_t)i;
  const sorted_name *const equal = sort_from(names, sorted, scratch, names->count, 0);
  if (equal != NULL) {
    const size_t first = (size_t)equal->index;
    const char *const name = s3_name(names, first);
    return s3_fail(S3REC_ERROR_FORMAT, "names %zu and %zu are both '%.*s'", first,
                   (size_t)equal[1].index, s3_utf8_fit(name, s3_name_length(names, first), 100),
                   name);
  }
  for (size_t i = 0; i < names->count; i++) order[i] = sorted[i].index;
  return S3REC_OK;
}

s3rec_status s3_names_sort(const s3rec_context *context, const s3_names *names, int32_t *order) {
  sorted_name *const sorted = s3_allocate_unset(context, names->count, sizeof *sorted);
  sorted_name *const scratch = s3_allocate_unset(context, names->count, sizeof *scratch);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (sorted != NULL && scratch != NULL) status = sort_into(names, sorted, scratch, order);
  s3_free(context, sorted);
  s3_free(context, scratch);
  return status;
}
