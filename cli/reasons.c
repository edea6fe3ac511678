/* SPDX-License-Identifier: Apache-2.0 */
#include "reasons.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { RECENT = 20 }; /* how much of a history counts as lately */

static bool equal(const char *a, const char *b) { return a[0] != '\0' && strcmp(a, b) == 0; }

static bool by_series(const cli_names *names, const int32_t *history, size_t count,
                      const cli_name *item, char *text, size_t capacity) {
  const cli_name *latest = NULL; /* the highest part below the item's */
  bool watched = false;
  for (size_t i = 0; i < count; i++) {
    const cli_name *const other = cli_names_find(names, history[i]);
    if (other == NULL || !equal(item->series, other->series)) continue;
    watched = true;
    if (other->part < item->part && (latest == NULL || other->part > latest->part)) latest = other;
  }
  if (!watched) return false;
  if (latest != NULL && latest->part + 1 == item->part)
    snprintf(text, capacity, "next in the series after part %" PRId32, latest->part);
  else
    snprintf(text, capacity, "part %" PRId32 " of a series begun", item->part);
  return true;
}

static bool by_director(const cli_names *names, const int32_t *history, size_t count,
                        const cli_name *item, char *text, size_t capacity) {
  size_t watched = 0;
  for (size_t i = 0; i < count; i++) {
    const cli_name *const other = cli_names_find(names, history[i]);
    if (other != NULL && equal(item->director, other->director)) watched++;
  }
  if (watched == 0) return false;
  snprintf(text, capacity, "director of %zu watched before", watched);
  return true;
}

/* Whether the list "a, b, c" holds the name. */
static bool holds(const char *list, const char *name, size_t length) {
  for (const char *at = list; *at != '\0';) {
    at += strspn(at, ", ");
    const size_t found = strcspn(at, ",");
    if (found == length && memcmp(at, name, length) == 0) return true;
    at += found;
  }
  return false;
}

static bool by_genre(const cli_names *names, const int32_t *history, size_t count,
                     const cli_name *item, char *text, size_t capacity) {
  const size_t first = count > RECENT ? count - RECENT : 0;
  size_t most = 0;
  for (const char *at = item->genres + strspn(item->genres, ", "); *at != '\0';
       at += strspn(at, ", ")) {
    const size_t length = strcspn(at, ",");
    size_t watched = 0;
    for (size_t i = first; i < count; i++) {
      const cli_name *const other = cli_names_find(names, history[i]);
      if (other != NULL && holds(other->genres, at, length)) watched++;
    }
    if (watched > most) {
      most = watched;
      snprintf(text, capacity, "%.*s, as %zu of the last %zu", (int)length, at, watched,
               count - first);
    }
    at += length;
  }
  return most > 0;
}

static size_t shared_attributes(const s3rec_dataset *dataset, int32_t a, int32_t b) {
  const int32_t *x, *y;
  size_t x_count, y_count, shared = 0;
  if (s3rec_dataset_item_attributes(dataset, a, &x, &x_count) != S3REC_OK ||
      s3rec_dataset_item_attributes(dataset, b, &y, &y_count) != S3REC_OK)
    return 0;
  for (size_t i = 0; i < x_count; i++)
    for (size_t j = 0; j < y_count; j++) shared += x[i] == y[j];
  return shared;
}

static void by_attributes(const cli_names *names, const s3rec_dataset *dataset,
                          const int32_t *history, size_t count, int32_t item, char *text,
                          size_t capacity) {
  size_t most = 0;
  for (size_t i = count > RECENT ? count - RECENT : 0; i < count; i++) {
    const size_t shared = shared_attributes(dataset, item, history[i]);
    if (shared == 0 || shared < most) continue;
    most = shared;
    const cli_name *const other = cli_names_find(names, history[i]);
    const char *const plural = shared == 1 ? "" : "s";
    if (other != NULL)
      snprintf(text, capacity, "shares %zu attribute%s with %s", shared, plural, other->title);
    else
      snprintf(text, capacity, "shares %zu attribute%s with %" PRId32, shared, plural, history[i]);
  }
}

void cli_reason(const cli_names *names, const s3rec_dataset *dataset, const int32_t *history,
                size_t count, int32_t item, char *text, size_t capacity) {
  const cli_name *const name = cli_names_find(names, item);
  text[0] = '\0';
  if (name != NULL && (by_series(names, history, count, name, text, capacity) ||
                       by_director(names, history, count, name, text, capacity) ||
                       by_genre(names, history, count, name, text, capacity)))
    return;
  if (dataset != NULL) by_attributes(names, dataset, history, count, item, text, capacity);
}
