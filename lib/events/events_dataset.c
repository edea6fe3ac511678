/* SPDX-License-Identifier: Apache-2.0 */
/* From the events that stay to numbered sequences with names. */
#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "events/event_attributes.h"
#include "events/event_selection.h"

/* Names of a column in a new order: name i is names[indices[i]]. */
s3rec_status s3_id_column_names(s3rec_context *context, const s3_id_column *column,
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

/* What is made besides the dataset. */
typedef struct building {
  const s3rec_events *events;
  const s3_selection *selection;
  s3rec_dataset *dataset;
  int32_t *item_ids; /* [items of the table] ids in the dataset, 0 or less: not in it */
  int32_t item_count;
} building;

/* Ids from 1 in the order in which items first come among the rows that stay. */
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
  const s3rec_status status = s3_id_column_names(context, &b->events->items, indices,
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

/* A row for each user with events. */
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
        s3_id_column_names(context, &b->events->users, indices, users, 0, &b->dataset->user_names);
  }
  s3_free(context, indices);
  return status;
}

static s3rec_status build(building *b, const s3rec_events_options *options,
                          s3rec_events_report *report) {
  int32_t attribute_size = 1;
  S3_TRY(make_item_ids(b, options));
  S3_TRY(make_sequences(b));
  S3_TRY(s3_events_attributes(b->events, b->item_ids, b->item_count, options, b->dataset,
                              &attribute_size));
  report->attributed_item_count = b->dataset->attributes.row_count;
  s3_dataset_describe(b->dataset, b->item_count, attribute_size, 0);
  return S3REC_OK;
}

static s3rec_status fail_empty(const s3rec_events_report *r) {
  return s3_fail(S3REC_ERROR_FORMAT,
                 "no events are left: of %zu, left out by min_value: %zu, repeats: %zu, unknown "
                 "items: %zu, min_user_events and min_item_events: %zu, max_length: %zu, "
                 "min_length: %zu",
                 r->event_count, r->low_value_count, r->repeat_count, r->unknown_count,
                 r->core_count, r->cut_count, r->short_count);
}

static s3rec_status make_dataset(const s3_selection *selection, const s3rec_events_options *options,
                                 s3rec_dataset **dataset, s3rec_events_report *report) {
  if (report->kept_count == 0) return fail_empty(report);
  s3rec_context *const context = selection->events->context;
  building b = {.events = selection->events, .selection = selection};
  b.dataset = s3_dataset_allocate(context);
  if (b.dataset == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_status status = build(&b, options, report);
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
