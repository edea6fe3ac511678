/* SPDX-License-Identifier: Apache-2.0 */
#include "reasons.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "item_names.h"
#include "plain_text.h"

enum {
  RECENT = 20, /* items of a history that are looked at */
  NAMED = 2,   /* attributes that a reason names */
  NAME_SIZE = 64
};

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

void cli_reason(const cli_reason_source *source, const int32_t *history, size_t count, int32_t item,
                char text[CLI_REASON_SIZE]) {
  size_t most = 0;
  text[0] = '\0';
  if (source->dataset == NULL) return;
  for (size_t i = count > RECENT ? count - RECENT : 0; i < count; i++) {
    int32_t attributes[NAMED];
    char list[NAMED * (NAME_SIZE + 2) + 32], title[NAME_SIZE];
    const size_t shared = shared_attributes(source->dataset, item, history[i], attributes);
    if (shared == 0 || shared < most) continue;
    most = shared;
    list_attributes(source, attributes, shared, list, sizeof list);
    const char *name = cli_names_title(source->names, history[i]);
    if (name == NULL) name = cli_name_of(source->item_names, history[i]);
    if (name != NULL)
      cli_plain_text(name, title, sizeof title);
    else
      snprintf(title, sizeof title, "%" PRId32, history[i]);
    snprintf(text, CLI_REASON_SIZE, "shares %s with %s", list, title);
  }
}
