/* SPDX-License-Identifier: Apache-2.0 */
/* From the events that are selected to a dataset: attributes of items first, then numbered
 * sequences and names. */
#include <string.h>

#include "base/error.h"
#include "data/attribute_file.h"
#include "data/dataset.h"
#include "events/event_selection.h"
#include "events/events.h"

/* Names of a column in another order: name i is that of indices[i]. */
static s3rec_status make_column_names(s3rec_context *context, const s3_id_column *column,
                                      const int32_t *indices, size_t count, int32_t first_id,
                                      s3rec_vocabulary **vocabulary) {
  size_t size = 0, length;
  for (size_t i = 0; i < count; i++) {
    s3_name_table_get(&column->names, (size_t)indices[i], &length);
    size += length;
  }
  char *const text = s3_allocate_unset(context, size, 1);
  int64_t *const offsets = s3_allocate(context, count + 1, sizeof *offsets);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (text != NULL && offsets != NULL) {
    for (size_t i = 0; i < count; i++) {
      const char *const name = s3_name_table_get(&column->names, (size_t)indices[i], &length);
      memcpy(text + offsets[i], name, length);
      offsets[i + 1] = offsets[i] + (int64_t)length;
    }
    status =
        s3_vocabulary_create(context, column->kind, first_id, text, offsets, count, vocabulary);
  }
  s3_free(context, text);
  s3_free(context, offsets);
  return status;
}

typedef struct list_builder {
  const s3rec_events *events;
  const int32_t *item_ids;
  int32_t item_count;
  int32_t *attribute_ids; /* [attributes of the table], -1: not in the dataset */
  int32_t *items;         /* [list_count] */
  size_t list_count;
  int64_t *offsets; /* [list_count + 1] */
  int32_t *values;
} list_builder;

/* Whether item and attribute of a pair are in the dataset, and the id of the item there. */
static bool is_wanted_pair(const list_builder *l, size_t pair, int32_t *item) {
  *item = l->item_ids[l->events->pair_items[pair]];
  return *item > 0 && l->attribute_ids[l->events->pair_attributes[pair]] >= 0;
}

/* Numbers attributes in the order in which the items of the dataset first have them. */
static s3rec_status number_attributes(list_builder *l, s3rec_dataset *dataset,
                                      int32_t *attribute_size) {
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
    status = make_column_names(context, &l->events->attributes, indices, (size_t)used, 0,
                               &dataset->attribute_names);
  }
  s3_free(context, indices);
  return status;
}

static s3rec_status find_attribute_ids(list_builder *l, s3rec_vocabulary *names,
                                       s3rec_dataset *dataset, int32_t *attribute_size) {
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

/* Turns counts[item - 1] into the place where the list of the item begins. */
static s3rec_status place_attribute_lists(list_builder *l, int64_t *counts) {
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

/* Makes a list for each item that has attributes, in any order and with repeats. */
static s3rec_status collect_attribute_lists(list_builder *l) {
  int64_t *const next = s3_allocate(l->events->context, (size_t)l->item_count, sizeof *next);
  if (next == NULL) return S3REC_ERROR_MEMORY;
  int32_t item;
  for (size_t pair = 0; pair < l->events->pair_count; pair++)
    if (is_wanted_pair(l, pair, &item)) next[item - 1]++;
  const s3rec_status status = place_attribute_lists(l, next);
  for (size_t pair = 0; status == S3REC_OK && pair < l->events->pair_count; pair++)
    if (is_wanted_pair(l, pair, &item))
      l->values[next[item - 1]++] = l->attribute_ids[l->events->pair_attributes[pair]];
  s3_free(l->events->context, next);
  return status;
}

/* Gives the dataset attributes and their names. item_ids [items of the table] are ids in the
 * dataset, 1..item_count, or 0 or less for an item that is not in it. */
static s3rec_status attach_item_attributes(const s3rec_events *events, const int32_t *item_ids,
                                           int32_t item_count, const s3rec_events_options *options,
                                           s3rec_dataset *dataset, int32_t *attribute_size) {
  if (events->pair_count == 0 && options->attribute_names == NULL) return S3REC_OK;
  const s3rec_context *const context = events->context;
  list_builder l = {.events = events, .item_ids = item_ids, .item_count = item_count};
  s3_attribute_lists made = {0};
  s3rec_status status = find_attribute_ids(&l, options->attribute_names, dataset, attribute_size);
  if (status == S3REC_OK) status = collect_attribute_lists(&l);
  if (status == S3REC_OK && l.list_count > 0)
    status = s3_attribute_lists_make(context, l.list_count, l.items, l.offsets, l.values,
                                     item_count, &made, NULL);
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

/* A dataset that is being made. */
typedef struct building {
  const s3rec_events *events;
  const s3_selection *selection;
  s3rec_dataset *dataset;
  int32_t *item_ids; /* [items of the table] ids in the dataset, 0 or less: not in it */
  int32_t item_count;
} building;

/* Numbers items from 1 in the order in which they first come among the rows that stay. */
static s3rec_status number_items(building *b, const uint8_t *stays) {
  const s3_event_table *const table = &b->events->table;
  s3rec_context *const context = b->events->context;
  int32_t *const indices =
      s3_allocate(context, b->events->items.names.count, sizeof *indices); /* by id - 1 */
  if (indices == NULL) return S3REC_ERROR_MEMORY;
  for (size_t row = 0; row < table->count; row++) {
    if (!stays[row]) continue;
    const int32_t item = s3_event_item(table, row);
    if (b->item_ids[item] != 0) continue;
    indices[b->item_count] = item;
    b->item_ids[item] = ++b->item_count;
  }
  const s3rec_status status = make_column_names(context, &b->events->items, indices,
                                                (size_t)b->item_count, 1, &b->dataset->item_names);
  s3_free(context, indices);
  return status;
}

static s3rec_status make_item_ids(building *b, const s3rec_events_options *options) {
  const size_t count = b->events->items.names.count;
  const s3rec_context *const context = b->events->context;
  b->item_ids = s3_allocate(context, count, sizeof *b->item_ids);
  if (b->item_ids == NULL) return S3REC_ERROR_MEMORY;
  if (options->item_names != NULL) {
    memcpy(b->item_ids, b->selection->item_ids, count * sizeof *b->item_ids);
    b->item_count = (int32_t)options->item_names->names.count;
    b->dataset->item_names = s3_vocabulary_retain(options->item_names);
    return S3REC_OK;
  }
  uint8_t *const stays = s3_allocate(context, b->events->table.count, 1);
  if (stays == NULL) return S3REC_ERROR_MEMORY;
  const size_t kept = b->selection->user_begin[b->selection->user_count];
  for (size_t i = 0; i < kept; i++) stays[b->selection->rows[i]] = 1;
  const s3rec_status status = number_items(b, stays);
  s3_free(context, stays);
  return status;
}

/* Makes a sequence for each user that has events. */
static s3rec_status make_sequences(building *b) {
  const s3_selection *const s = b->selection;
  s3rec_context *const context = b->events->context;
  s3_ragged *const sequences = &b->dataset->sequences;
  size_t users = 0;
  for (size_t user = 0; user < s->user_count; user++)
    users += s->user_begin[user + 1] > s->user_begin[user];
  int32_t *const indices = s3_allocate(context, users, sizeof *indices);
  sequences->offsets = s3_allocate(context, users + 1, sizeof *sequences->offsets);
  sequences->values =
      s3_allocate_unset(context, s->user_begin[s->user_count], sizeof *sequences->values);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (indices != NULL && sequences->offsets != NULL && sequences->values != NULL) {
    for (size_t user = 0; user < s->user_count; user++) {
      if (s->user_begin[user + 1] == s->user_begin[user]) continue;
      indices[sequences->row_count] = (int32_t)user;
      for (size_t i = s->user_begin[user]; i < s->user_begin[user + 1]; i++)
        sequences->values[i] = b->item_ids[s3_event_item(&b->events->table, s->rows[i])];
      sequences->offsets[++sequences->row_count] = (int64_t)s->user_begin[user + 1];
    }
    status =
        make_column_names(context, &b->events->users, indices, users, 0, &b->dataset->user_names);
  }
  s3_free(context, indices);
  return status;
}

static s3rec_status build_dataset(building *b, const s3rec_events_options *options,
                                  s3rec_events_report *report) {
  int32_t attribute_size = 1;
  S3_TRY(make_item_ids(b, options));
  S3_TRY(make_sequences(b));
  S3_TRY(attach_item_attributes(b->events, b->item_ids, b->item_count, options, b->dataset,
                                &attribute_size));
  report->attributed_item_count = b->dataset->attributes.row_count;
  s3_dataset_describe(b->dataset, b->item_count, attribute_size, 0);
  return S3REC_OK;
}

static s3rec_status fail_no_events(const s3rec_events_report *r) {
  return s3_fail(S3REC_ERROR_FORMAT,
                 "no events are left: of %zu, left out by min_value: %zu, repeats: %zu, unknown "
                 "items: %zu, min_user_events and min_item_events: %zu, max_length: %zu, "
                 "min_length: %zu",
                 r->event_count, r->low_value_count, r->repeat_count, r->unknown_count,
                 r->core_count, r->cut_count, r->short_count);
}

static s3rec_status make_dataset(const s3_selection *selection, const s3rec_events_options *options,
                                 s3rec_dataset **dataset, s3rec_events_report *report) {
  if (report->kept_count == 0) return fail_no_events(report);
  s3rec_context *const context = selection->events->context;
  building b = {.events = selection->events, .selection = selection};
  b.dataset = s3_dataset_allocate(context);
  if (b.dataset == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_status status = build_dataset(&b, options, report);
  s3_free(context, b.item_ids);
  if (status == S3REC_OK)
    *dataset = b.dataset;
  else
    s3_dataset_release(b.dataset);
  return status;
}

s3rec_status s3_events_dataset(const s3rec_events *events, const s3rec_events_options *options,
                               s3rec_dataset **dataset, s3rec_events_report *report) {
  s3_selection selection;
  S3_TRY(s3_selection_make(events, options, &selection, report));
  const s3rec_status status = make_dataset(&selection, options, dataset, report);
  s3_selection_free(&selection);
  return status;
}
