/* SPDX-License-Identifier: Apache-2.0 */
#include "reasons.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "item_names.h"
#include "plain_text.h"

enum {
  RECENT = 20, /* how much of a history counts as lately */
  NAMED = 2,   /* attributes that a reason names */
  NAME_SIZE = 64
};

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

/* What two items have in common; `shared` gets the first of it. */
static size_t shared_attributes(const s3rec_dataset *dataset, int32_t a, int32_t b,
                                int32_t shared[NAMED]) {
  const int32_t *x, *y;
  size_t x_count, y_count, found = 0;
  if (s3rec_dataset_item_attributes(dataset, a, &x, &x_count) != S3REC_OK ||
      s3rec_dataset_item_attributes(dataset, b, &y, &y_count) != S3REC_OK)
    return 0;
  for (size_t i = 0; i < x_count; i++)
    for (size_t j = 0; j < y_count; j++) {
      if (x[i] != y[j]) continue;
      if (found < NAMED) shared[found] = x[i];
      found++;
    }
  return found;
}

/* "genre=Drama, decade=1990s and 2 more" or "3 attributes". */
static void list_attributes(const cli_reason_source *source, const int32_t shared[NAMED],
                            size_t count, char *text, size_t capacity) {
  const size_t named = source->attribute_names == NULL ? 0 : count < NAMED ? count : NAMED;
  size_t length = 0;
  for (size_t i = 0; i < named; i++) {
    char name[NAME_SIZE];
    cli_plain_text(cli_name_of(source->attribute_names, shared[i]), name, sizeof name);
    length += (size_t)snprintf(text + length, capacity - length, "%s%s", i == 0 ? "" : ", ", name);
  }
  if (named == 0)
    snprintf(text, capacity, "%zu attribute%s", count, count == 1 ? "" : "s");
  else if (named < count)
    snprintf(text + length, capacity - length, " and %zu more", count - named);
}

static void by_attributes(const cli_reason_source *source, const int32_t *history, size_t count,
                          int32_t item, char *text, size_t capacity) {
  size_t most = 0;
  for (size_t i = count > RECENT ? count - RECENT : 0; i < count; i++) {
    int32_t attributes[NAMED];
    char list[NAMED * (NAME_SIZE + 2) + 32], title[NAME_SIZE];
    const size_t shared = shared_attributes(source->dataset, item, history[i], attributes);
    if (shared == 0 || shared < most) continue;
    most = shared;
    list_attributes(source, attributes, shared, list, sizeof list);
    const cli_name *const other = cli_names_find(source->names, history[i]);
    const char *const name =
        other != NULL ? other->title : cli_name_of(source->item_names, history[i]);
    if (name != NULL)
      cli_plain_text(name, title, sizeof title);
    else
      snprintf(title, sizeof title, "%" PRId32, history[i]);
    snprintf(text, capacity, "shares %s with %s", list, title);
  }
}

void cli_reason(const cli_reason_source *source, const int32_t *history, size_t count, int32_t item,
                char text[CLI_REASON_SIZE]) {
  const cli_names *const names = source->names;
  const cli_name *const name = cli_names_find(names, item);
  text[0] = '\0';
  if (name != NULL && (by_series(names, history, count, name, text, CLI_REASON_SIZE) ||
                       by_director(names, history, count, name, text, CLI_REASON_SIZE) ||
                       by_genre(names, history, count, name, text, CLI_REASON_SIZE)))
    return;
  if (source->dataset != NULL) by_attributes(source, history, count, item, text, CLI_REASON_SIZE);
}
