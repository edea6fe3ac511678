/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of an order that came from elsewhere: of all of it, and of what reading needs. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "names/names.h"

static s3rec_status check_range(const s3_names *names, const char *where) {
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
  S3_TRY(check_range(names, where));
  uint64_t *const seen = s3_allocate(context, names->count / 64 + 1, sizeof *seen);
  if (seen == NULL) return S3REC_ERROR_MEMORY;
  s3rec_status status = S3REC_OK;
  for (size_t i = 0; i < names->count && status == S3REC_OK; i++) {
    const uint32_t name = (uint32_t)names->order[i];
    const uint64_t bit = (uint64_t)1 << name % 64;
    if ((seen[name / 64] & bit) != 0) {
      status = s3_fail(S3REC_ERROR_FORMAT, "%sentry %zu is %" PRIu32 ", as one before it", where, i,
                       name);
    }
    seen[name / 64] |= bit;
  }
  s3_free(context, seen);
  return status;
}

/* Below 0 when name a comes before name b. */
static int compare(const s3_names *names, size_t a, size_t b) {
  const size_t length_a = s3_name_length(names, a), length_b = s3_name_length(names, b);
  return memcmp(s3_name(names, a), s3_name(names, b),
                1 + (length_a < length_b ? length_a : length_b)); /* one has its NUL there */
}

s3rec_status s3_names_check_order(const s3_names *names, const char *where) {
  enum { AHEAD = 16 }; /* names lie anywhere: what is compared soon is fetched already */
  const size_t count = names->count;
  const int32_t *const order = names->order;
  S3_TRY(check_range(names, where));
  for (size_t i = 1; i < count; i++) {
    if (i + 2 * AHEAD < count) __builtin_prefetch(&names->offsets[order[i + 2 * AHEAD]]);
    if (i + AHEAD < count) __builtin_prefetch(s3_name(names, (size_t)order[i + AHEAD]));
    if (compare(names, (size_t)order[i - 1], (size_t)order[i]) >= 0) {
      return s3_fail(S3REC_ERROR_FORMAT,
                     "%sentries %zu and %zu are %" PRId32 " and %" PRId32
                     ", whose names do not rise",
                     where, i - 1, i, order[i - 1], order[i]);
    }
  }
  return S3REC_OK;
}
