/* SPDX-License-Identifier: Apache-2.0 */
#include "events/event_selection.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"

static void *allocate(const s3_selection *selection, size_t count, size_t size) {
  return s3_allocate(selection->events->context, count, size);
}

void s3_selection_free(s3_selection *selection) {
  const s3rec_context *const context = selection->events->context;
  s3_free(context, selection->user_begin);
  s3_free(context, selection->rows);
  s3_free(context, selection->item_ids);
  *selection = (s3_selection){0};
}

/* NaN, no value, is not at least anything. */
static bool has_value(const s3rec_events *events, size_t row, double min_value) {
  return min_value == -INFINITY || s3_event_get(&events->table, row).value >= min_value;
}

/* Groups the rows by user, each user's in the order of the table. */
static s3rec_status group(s3_selection *selection, double min_value) {
  const s3_event_table *const table = &selection->events->table;
  size_t *const begin = allocate(selection, selection->user_count + 2, sizeof *begin);
  selection->user_begin = begin;
  if (begin == NULL) return S3REC_ERROR_MEMORY;
  /* begin[u + 2] counts; then begin[u + 1] is where the next row of user u goes. */
  for (size_t row = 0; row < table->count; row++)
    if (has_value(selection->events, row, min_value)) begin[s3_event_user(table, row) + 2]++;
  for (size_t user = 0; user < selection->user_count; user++) begin[user + 2] += begin[user + 1];
  const size_t count = begin[selection->user_count + 1];
  selection->rows = s3_allocate_unset(selection->events->context, count, sizeof(uint32_t));
  if (selection->rows == NULL) return S3REC_ERROR_MEMORY;
  for (size_t row = 0; row < table->count; row++)
    if (has_value(selection->events, row, min_value))
      selection->rows[begin[s3_event_user(table, row) + 1]++] = (uint32_t)row;
  return S3REC_OK;
}

typedef struct moment {
  int64_t whole;
  int32_t billionths;
  uint32_t row;
} moment;

static int compare_moments(const void *a, const void *b) {
  const moment *const x = a, *const y = b;
  if (x->whole != y->whole) return x->whole < y->whole ? -1 : 1;
  if (x->billionths != y->billionths) return x->billionths < y->billionths ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row; /* rows make the sort stable */
}

static void sort_user(const s3_selection *selection, size_t user, moment *moments) {
  const size_t begin = selection->user_begin[user];
  const size_t count = selection->user_begin[user + 1] - begin;
  uint32_t *const rows = selection->rows + begin;
  bool sorted = true;
  for (size_t i = 0; i < count; i++) {
    const s3_event event = s3_event_get(&selection->events->table, rows[i]);
    moments[i] = (moment){event.whole, event.billionths, rows[i]};
    sorted = sorted && (i == 0 || compare_moments(&moments[i - 1], &moments[i]) < 0);
  }
  if (sorted) return;
  qsort(moments, count, sizeof *moments, compare_moments);
  for (size_t i = 0; i < count; i++) rows[i] = moments[i].row;
}

static s3rec_status sort(const s3_selection *selection) {
  if (selection->events->time_kind == S3_TIME_NONE) return S3REC_OK;
  size_t longest = 0;
  for (size_t user = 0; user < selection->user_count; user++) {
    const size_t count = selection->user_begin[user + 1] - selection->user_begin[user];
    if (count > longest) longest = count;
  }
  moment *const moments = allocate(selection, longest, sizeof *moments);
  if (moments == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user < selection->user_count; user++) sort_user(selection, user, moments);
  s3_free(selection->events->context, moments);
  return S3REC_OK;
}

/* A step: whether an event stays, the place-th of `count` of its user. */
typedef struct step {
  bool (*keeps)(struct step *step, size_t user, int32_t item, size_t place, size_t count);
  int32_t last;      /* item before */
  size_t *last_user; /* [items] who took it last, plus 1 */
  const int32_t *item_ids;
  const uint8_t *user_gone, *item_gone;
  size_t limit;
} step;

/* Goes over all events once and returns how many went. */
static size_t take_step(s3_selection *selection, step *step) {
  const s3_event_table *const table = &selection->events->table;
  size_t *const begin = selection->user_begin;
  size_t kept = 0, from = 0;
  for (size_t user = 0; user < selection->user_count; user++) {
    const size_t count = begin[user + 1] - from;
    for (size_t place = 0; place < count; place++) {
      const uint32_t row = selection->rows[from + place];
      if (step->keeps(step, user, s3_event_item(table, row), place, count))
        selection->rows[kept++] = row;
    }
    from += count;
    begin[user + 1] = kept;
  }
  return from - kept;
}

static bool keeps_run(step *step, size_t user, int32_t item, size_t place, size_t count) {
  (void)user;
  (void)count;
  const bool repeated = place > 0 && step->last == item;
  step->last = item;
  return !repeated;
}

static bool keeps_first(step *step, size_t user, int32_t item, size_t place, size_t count) {
  (void)place;
  (void)count;
  if (step->last_user[item] == user + 1) return false;
  step->last_user[item] = user + 1;
  return true;
}

static bool keeps_known(step *step, size_t user, int32_t item, size_t place, size_t count) {
  (void)user;
  (void)place;
  (void)count;
  return step->item_ids[item] >= 0;
}

static bool keeps_core(step *step, size_t user, int32_t item, size_t place, size_t count) {
  (void)place;
  (void)count;
  return !step->user_gone[user] && !step->item_gone[item];
}

static bool keeps_newest(step *step, size_t user, int32_t item, size_t place, size_t count) {
  (void)user;
  (void)item;
  return place + step->limit >= count;
}

static bool keeps_long(step *step, size_t user, int32_t item, size_t place, size_t count) {
  (void)user;
  (void)item;
  (void)place;
  return count >= step->limit;
}

static s3rec_status drop_repeats(s3_selection *selection, s3rec_repeats repeats,
                                 s3rec_events_report *report) {
  if (repeats == S3REC_REPEATS_KEEP) return S3REC_OK;
  step step = {.keeps = keeps_run};
  if (repeats == S3REC_REPEATS_DROP) {
    step.keeps = keeps_first;
    step.last_user =
        allocate(selection, selection->events->items.names.count, sizeof *step.last_user);
    if (step.last_user == NULL) return S3REC_ERROR_MEMORY;
  }
  report->repeat_count = take_step(selection, &step);
  s3_free(selection->events->context, step.last_user);
  return S3REC_OK;
}

static s3rec_status drop_unknown(s3_selection *selection, const s3rec_vocabulary *names,
                                 s3rec_events_report *report) {
  if (names == NULL) return S3REC_OK;
  const s3_name_table *const items = &selection->events->items.names;
  selection->item_ids = allocate(selection, items->count, sizeof *selection->item_ids);
  if (selection->item_ids == NULL) return S3REC_ERROR_MEMORY;
  if (items->count > 0)
    s3_names_find(&names->names, items->text, items->offsets, items->count, names->first_id,
                  selection->item_ids);
  step step = {.keeps = keeps_known, .item_ids = selection->item_ids};
  report->unknown_count = take_step(selection, &step);
  return S3REC_OK;
}

static s3rec_status keep_core(s3_selection *selection, const s3rec_events_options *options,
                              s3rec_events_report *report) {
  if (options->min_user_events <= 1 && options->min_item_events <= 1) return S3REC_OK;
  const s3rec_context *const context = selection->events->context;
  uint8_t *const user_gone = allocate(selection, selection->user_count, 1);
  uint8_t *const item_gone = allocate(selection, selection->events->items.names.count, 1);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (user_gone != NULL && item_gone != NULL)
    status = s3_selection_core(selection, (size_t)options->min_user_events,
                               (size_t)options->min_item_events, user_gone, item_gone);
  if (status == S3REC_OK) {
    step step = {.keeps = keeps_core, .user_gone = user_gone, .item_gone = item_gone};
    report->core_count = take_step(selection, &step);
  }
  s3_free(context, user_gone);
  s3_free(context, item_gone);
  return status;
}

static s3rec_status select_events(s3_selection *selection, const s3rec_events_options *options,
                                  s3rec_events_report *report) {
  S3_TRY(group(selection, options->min_value));
  report->low_value_count = report->event_count - selection->user_begin[selection->user_count];
  S3_TRY(sort(selection));
  S3_TRY(drop_repeats(selection, options->repeats, report));
  S3_TRY(drop_unknown(selection, options->item_names, report));
  S3_TRY(keep_core(selection, options, report));
  if (options->max_length > 0) {
    step newest = {.keeps = keeps_newest, .limit = (size_t)options->max_length};
    report->cut_count = take_step(selection, &newest);
  }
  step longest = {.keeps = keeps_long, .limit = (size_t)options->min_length};
  report->short_count = take_step(selection, &longest);
  report->kept_count = selection->user_begin[selection->user_count];
  return S3REC_OK;
}

s3rec_status s3_selection_make(const s3rec_events *events, const s3rec_events_options *options,
                               s3_selection *selection, s3rec_events_report *report) {
  *selection = (s3_selection){.events = events, .user_count = events->users.names.count};
  report->event_count = events->table.count;
  const s3rec_status status = select_events(selection, options, report);
  if (status != S3REC_OK) s3_selection_free(selection);
  return status;
}
