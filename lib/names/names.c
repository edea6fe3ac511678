/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: checks of arrays that came from a file, sorting, finding.
 *
 * Sorting is a merge sort by eight bytes at a time: names that are the same so far are
 * sorted once more by the next eight. No name makes it slower than its length times
 * log(count). Its memory is the context's, which that of qsort is not.
 *
 * Finding is a binary search. Each step waits for memory three times (order, offsets,
 * text). Several names are therefore searched at the same time: while one waits, memory
 * for the next ones is fetched. */
#include "names/names.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

/* Counts the NUL bytes of a text in a plain loop, which compilers turn into vectors. */
static size_t count_nul(const char *text, size_t size) {
  enum { PIECE = 255 };
  size_t total = 0;
  for (size_t begin = 0; begin < size; begin += PIECE) {
    const size_t end = size - begin < PIECE ? size : begin + PIECE;
    uint8_t count = 0;
    for (size_t i = begin; i < end; i++) count = (uint8_t)(count + (text[i] == '\0'));
    total += count;
  }
  return total;
}

/* An int64 in decimal as every language prints it, so that each number has one text. */
static bool is_canonical_integer(const char *name, size_t length) {
  static const char *const largest[] = {"9223372036854775807", "9223372036854775808"};
  enum { DIGITS = 19 };
  const bool negative = name[0] == '-';
  const char *const digits = name + negative;
  const size_t count = length - negative;
  if (count == 0 || count > DIGITS) return false;
  for (size_t i = 0; i < count; i++) {
    if (digits[i] < '0' || digits[i] > '9') return false;
  }
  if (digits[0] == '0') return count == 1 && !negative;
  return count < DIGITS || memcmp(digits, largest[negative], DIGITS) <= 0;
}

s3rec_status s3_names_check_offsets(const s3_names *names, size_t text_size, const char *where) {
  const int64_t *const offsets = names->offsets;
  if (offsets[0] != 0) {
    return s3_fail(S3REC_ERROR_FORMAT, "%sentry 0 is %" PRId64 ", must be 0", where, offsets[0]);
  }
  for (size_t i = 0; i < names->count; i++) {
    const int64_t begin = offsets[i], end = offsets[i + 1];
    if (end < begin + 2 || end > begin + S3REC_MAX_NAME_LENGTH + 1) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%sentry %zu is %" PRId64 ", must be 2..%d above the one before it, %" PRId64,
                     where, i + 1, end, S3REC_MAX_NAME_LENGTH + 1, begin);
    }
  }
  if (offsets[names->count] != (int64_t)text_size) {
    return s3_fail(S3REC_ERROR_FORMAT, "%sthe last entry is %" PRId64 ", the text has %zu bytes",
                   where, offsets[names->count], text_size);
  }
  return S3REC_OK;
}

/* Whether each name has a NUL after it. */
static bool all_names_end(const s3_names *names) {
  bool end = true;
  for (size_t i = 0; i < names->count; i++) end &= names->text[names->offsets[i + 1] - 1] == '\0';
  return end;
}

static s3rec_status fail_name_text(const s3_names *names, const char *where) {
  for (size_t i = 0; i < names->count; i++) {
    const char *const name = s3_name(names, i);
    const size_t length = s3_name_length(names, i);
    if (name[length] != '\0') {
      return s3_fail(S3REC_ERROR_FORMAT, "%sname %zu does not end with NUL", where, i);
    }
    if (memchr(name, '\0', length) != NULL) {
      return s3_fail(S3REC_ERROR_FORMAT, "%sname %zu has a NUL in it", where, i);
    }
    if (!s3_utf8_valid_bytes(name, length)) {
      return s3_fail(S3REC_ERROR_FORMAT, "%sname %zu is not valid UTF-8", where, i);
    }
  }
  return s3_fail(S3REC_ERROR_FORMAT, "%sthe text changes while it is read", where);
}

s3rec_status s3_names_check_text(const s3_names *names, const char *where) {
  /* The whole text at once, since most names are short. A character cannot span a NUL. */
  const size_t size = (size_t)names->offsets[names->count];
  if (count_nul(names->text, size) != names->count || !all_names_end(names) ||
      !s3_utf8_valid_bytes(names->text, size)) {
    return fail_name_text(names, where);
  }
  if (names->kind != S3REC_NAMES_INTEGER) return S3REC_OK;
  for (size_t i = 0; i < names->count; i++) {
    const char *const name = s3_name(names, i);
    const size_t length = s3_name_length(names, i);
    if (!is_canonical_integer(name, length)) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%sname %zu is '%.*s', must be an integer of 64 bits without leading zeros",
                     where, i, s3_utf8_fit(name, length, 60), name);
    }
  }
  return S3REC_OK;
}

static s3rec_status check_order_range(const s3_names *names, const char *where) {
  bool within = true;
  for (size_t i = 0; i < names->count; i++) within &= (uint32_t)names->order[i] < names->count;
  if (within) return S3REC_OK;
  size_t bad = 0;
  while (bad + 1 < names->count && (uint32_t)names->order[bad] < names->count) bad++;
  return s3_fail(S3REC_ERROR_FORMAT, "%sentry %zu is %" PRId32 ", must be 0..%zu", where, bad,
                 names->order[bad], names->count - 1);
}

s3rec_status s3_names_check_permutation(const s3rec_context *context, const s3_names *names,
                                        const char *where) {
  S3_TRY(check_order_range(names, where));
  uint64_t *const seen = s3_allocate(context, names->count / 64 + 1, sizeof *seen);
  if (seen == NULL) return S3REC_ERROR_MEMORY;
  s3rec_status status = S3REC_OK;
  for (size_t i = 0; i < names->count && status == S3REC_OK; i++) {
    const uint32_t name = (uint32_t)names->order[i];
    const uint64_t bit = (uint64_t)1 << name % 64;
    if ((seen[name / 64] & bit) != 0) {
      status = s3_fail(S3REC_ERROR_FORMAT, "%sentry %zu is %" PRIu32 ", and so is an earlier entry",
                       where, i, name);
    }
    seen[name / 64] |= bit;
  }
  s3_free(context, seen);
  return status;
}

/* Below 0 when name a comes before name b. */
static int compare_names(const s3_names *names, size_t a, size_t b) {
  const size_t length_a = s3_name_length(names, a), length_b = s3_name_length(names, b);
  /* One byte more than the shorter name: its NUL. */
  return memcmp(s3_name(names, a), s3_name(names, b),
                1 + (length_a < length_b ? length_a : length_b));
}

s3rec_status s3_names_check_order(const s3_names *names, const char *where) {
  enum { AHEAD = 16 }; /* names lie anywhere in memory: fetch those that are compared soon */
  const size_t count = names->count;
  const int32_t *const order = names->order;
  S3_TRY(check_order_range(names, where));
  for (size_t i = 1; i < count; i++) {
    if (i + 2 * AHEAD < count) __builtin_prefetch(&names->offsets[order[i + 2 * AHEAD]]);
    if (i + AHEAD < count) __builtin_prefetch(s3_name(names, (size_t)order[i + AHEAD]));
    if (compare_names(names, (size_t)order[i - 1], (size_t)order[i]) >= 0) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%sentries %zu and %zu are %" PRId32 " and %" PRId32
                     ", whose names are not in ascending order",
                     where, i - 1, i, order[i - 1], order[i]);
    }
  }
  return S3REC_OK;
}

typedef struct sorted_name {
  uint64_t key; /* eight bytes as a number, the first counts most; zeros after the end */
  int32_t index;
} sorted_name;

static uint64_t sort_key_at(const s3_names *names, size_t index, size_t depth) {
  const char *const name = s3_name(names, index) + depth;
  const size_t rest = s3_name_length(names, index) - depth;
  uint64_t key = 0;
  for (size_t i = 0; i < 8; i++) key = key << 8 | (i < rest ? (unsigned char)name[i] : 0);
  return key;
}

static bool keys_rise(const sorted_name *names, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (names[i].key < names[i - 1].key) return false;
  }
  return true;
}

static void merge_by_key(const sorted_name *from, size_t begin, size_t middle, size_t end,
                         sorted_name *to) {
  size_t left = begin, right = middle;
  for (size_t i = begin; i < end; i++) {
    const bool take_left = right == end || (left < middle && from[left].key <= from[right].key);
    to[i] = take_left ? from[left++] : from[right++];
  }
}

/* Equal keys stay in their order. */
static void sort_by_key(sorted_name *names, sorted_name *scratch, size_t count) {
  if (keys_rise(names, count)) return;
  sorted_name *from = names, *to = scratch;
  for (size_t width = 1; width < count; width *= 2) {
    for (size_t begin = 0; begin < count; begin += 2 * width) {
      const size_t middle = count - begin < width ? count : begin + width;
      const size_t end = count - middle < width ? count : middle + width;
      merge_by_key(from, begin, middle, end, to);
    }
    sorted_name *const swapped = from;
    from = to;
    to = swapped;
  }
  if (from != names) memcpy(names, from, count * sizeof *names);
}

/* Sorts names that are the same in their first `depth` bytes and are longer than that.
 * Returns the first of two equal names, which the other one follows, or NULL when there are
 * none. Each level of recursion goes eight bytes deeper, so there are at most
 * S3REC_MAX_NAME_LENGTH / 8 + 1. */
static const sorted_name *sort_names_from(const s3_names *all, sorted_name *names,
                                          sorted_name *scratch, size_t count, size_t depth) {
  for (size_t i = 0; i < count; i++) names[i].key = sort_key_at(all, (size_t)names[i].index, depth);
  sort_by_key(names, scratch, count);
  for (size_t begin = 0, end; begin < count; begin = end) {
    const uint64_t key = names[begin].key;
    for (end = begin + 1; end < count && names[end].key == key; end++) continue;
    if (end - begin == 1) continue;
    if ((key & 0xFF) == 0) return &names[begin]; /* no byte of a name is 0: both end here */
    const sorted_name *const equal =
        sort_names_from(all, names + begin, scratch, end - begin, depth + 8);
    if (equal != NULL) return equal;
  }
  return NULL;
}

static s3rec_status sort_names_into(const s3_names *names, sorted_name *sorted,
                                    sorted_name *scratch, int32_t *order) {
  for (size_t i = 0; i < names->count; i++) sorted[i].index = (int32_t)i;
  const sorted_name *const equal = sort_names_from(names, sorted, scratch, names->count, 0);
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
  if (sorted != NULL && scratch != NULL) status = sort_names_into(names, sorted, scratch, order);
  s3_free(context, sorted);
  s3_free(context, scratch);
  return status;
}

enum { LANES = 16 };

typedef struct lane {
  const char *name;
  size_t length;
  size_t begin; /* the answer, if there is one, is at begin .. begin + rest - 1 */
  size_t index; /* of the name that is compared */
} lane;

/* Below, at or above 0 when the name of `index` is below, at or above the given one. */
static int compare_with_query(const s3_names *names, size_t index, const char *name,
                              size_t length) {
  const size_t own = s3_name_length(names, index);
  const int order = memcmp(s3_name(names, index), name, own < length ? own : length);
  return order != 0 ? order : (own > length) - (own < length);
}

/* Fetches each lane's next name to compare, that of place begin + step. */
static void fetch_lanes(const s3_names *names, lane *lanes, size_t count, size_t step) {
  for (size_t i = 0; i < count; i++) {
    lanes[i].index = (size_t)names->order[lanes[i].begin + step];
    __builtin_prefetch(&names->offsets[lanes[i].index]);
  }
  for (size_t i = 0; i < count; i++) __builtin_prefetch(s3_name(names, lanes[i].index));
}

static void find_in_lanes(const s3_names *names, lane *lanes, size_t count, int32_t base,
                          int32_t *ids) {
  size_t rest = names->count;
  while (rest > 1) {
    const size_t half = rest / 2;
    fetch_lanes(names, lanes, count, half);
    rest -= half;
    for (size_t i = 0; i < count; i++) {
      lane *const at = &lanes[i];
      if (compare_with_query(names, at->index, at->name, at->length) <= 0) at->begin += half;
      /* The next step looks there. */
      __builtin_prefetch(&names->order[at->begin + rest / 2]);
    }
  }
  fetch_lanes(names, lanes, count, 0);
  for (size_t i = 0; i < count; i++) {
    const bool equal =
        compare_with_query(names, lanes[i].index, lanes[i].name, lanes[i].length) == 0;
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
    find_in_lanes(names, lanes, taken, base, ids + first);
  }
}
