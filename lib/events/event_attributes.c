/* SPDX-License-Identifier: Apache-2.0 */
#include "events/event_attributes.h"

#include "base/error.h"
#include "data/attribute_file.h"

typedef struct lists {
  const s3rec_events *events;
  const int32_t *item_ids;
  int32_t item_count;
  int32_t *attribute_ids; /* [attributes of the table], -1: not in the dataset */
  int32_t *items;         /* [list_count] */
  size_t list_count;
  int64_t *offsets; /* [list_count + 1] */
  int32_t *values;
} lists;

/* Whether a pair is of the dataset, and the item's id there. */
static bool is_wanted(const lists *l, size_t pair, int32_t *item) {
  *item = l->item_ids[l->events->pair_items[pair]];
  return *item > 0 && l->attribute_ids[l->events->pair_attributes[pair]] >= 0;
}

/* Numbers in the order in which attributes first come among the dataset's items. */
static s3rec_status number_attributes(lists *l, s3rec_dataset *dataset, int32_t *attribute_size) {
  s3rec_context *const context = l->events->context;
  const size_t count = l->events->attributes.names.count;
  int32_t *const indices = s3_allocate(context, count, sizeof *indices);
  if (indices == NULL) return S3REC_ERROR_MEMORY;
  for (size_t i = 0; i < count; i++) l->attribute_ids[i] = -1;
  int32_t used = 0;
  for (size_t pair = 0; pair < l->events->pair_count; pair++) {
    const int32_t attribute = l->events->pair_attributes[pair];
    if (l->item_ids[l->events->pair_items[pair]] <= 0) continue;
    if (l->attribute_ids[attribute] >= 0) continue;
    indices[used] = attribute;
    l->attribute_ids[attribute] = used++;
  }
  s3rec_status status = S3REC_OK;
  if (used > 0) {
    *attribute_size = used;
    status = s3_id_column_names(context, &l->events->attributes, indices, (size_t)used, 0,
                                &dataset->attribute_names);
  }
  s3_free(context, indices);
  return status;
}

static s3rec_status find_attributes(lists *l, s3rec_vocabulary *names, s3rec_dataset *dataset,
                                    int32_t *attribute_size) {
  const s3_name_table *const table = &l->events->attributes.names;
  l->attribute_ids = s3_allocate(l->events->context, table->count, sizeof *l->attribute_ids);
  if (l->attribute_ids == NULL) return S3REC_ERROR_MEMORY;
  if (names == NULL) return number_attributes(l, dataset, attribute_size);
  if (table->count > 0)
    s3_names_find(&names->names, table->text, table->offsets, table->count, names->first_id,
                  l->attribute_ids);
  dataset->attribute_names = s3_vocabulary_retain(names);
  if (names->names.count > 0) *attribute_size = (int32_t)names->names.count;
  return S3REC_OK;
}

/* Turns counts[item - 1] into where the list of the item goes, -1 without one. */
static s3rec_status place_lists(lists *l, int64_t *counts) {
  const s3rec_context *const context = l->events->context;
  for (int32_t i = 0; i < l->item_count; i++) l->list_count += counts[i] > 0;
  l->items = s3_allocate(context, l->list_count, sizeof *l->items);
  l->offsets = s3_allocate(context, l->list_count + 1, sizeof *l->offsets);
  if (l->items == NULL || l->offsets == NULL) return S3REC_ERROR_MEMORY;
  size_t list = 0;
  for (int32_t i = 0; i < l->item_count; i++) {
    if (counts[i] == 0) continue;
    l->items[list] = i + 1;
    l->offsets[list + 1] = l->offsets[list] + counts[i];
    counts[i] = l->offsets[list++];
  }
  l->values = s3_allocate(context, (size_t)l->offsets[l->list_count], sizeof *l->values);
  return l->values != NULL ? S3REC_OK : S3REC_ERROR_MEMORY;
}

/* A list for each item that has attributes, values in any order and with repeats. */
static s3rec_status collect(lists *l) {
  int64_t *const next = s3_allocate(l->events->context, (size_t)l->item_count, sizeof *next);
  if (next == NULL) return S3REC_ERROR_MEMORY;
  int32_t item;
  for (size_t pair = 0; pair < l->events->pair_count; pair++)
    if (is_wanted(l, pair, &item)) next[item - 1]++;
  const s3rec_status status = place_lists(l, next);
  for (size_t pair = 0; status == S3REC_OK && pair < l->events->pair_count; pair++)
    if (is_wanted(l, pair, &item))
      l->values[next[item - 1]++] = l->attribute_ids[l->events->pair_attributes[pair]];
  s3_free(l->events->context, next);
  return status;
}

s3rec_status s3_events_attributes(const s3rec_events *events, const int32_t *item_ids,
                                  int32_t item_count, const s3rec_events_options *options,
                                  s3rec_dataset *dataset, int32_t *attribute_size) {
  if (events->pair_count == 0 && options->attribute_names == NULL) return S3REC_OK;
  const s3rec_context *const context = events->context;
  lists l = {.events = events, .item_ids = item_ids, .item_count = item_count};
  s3_attribute_lists made = {0};
  s3rec_status status = find_attributes(&l, options->attribute_names, dataset, attribute_size);
  if (status == S3REC_OK) status = collect(&l);
  if (status == S3REC_OK && l.list_count > 0)
    status = s3_attribute_lists_make(context, l.list_count, l.items, l.offsets, l.values,
                                     item_count, &made);
  if (status == S3REC_OK) {
    dataset->attributes = made.lists;
    dataset->attributed_items = made.items;
  }
  s3_free(context, l.attribute_ids);
  s3_free(context, l.items);
  s3_free(context, l.offsets);
  s3_free(context, l.values);
  return status;
}
