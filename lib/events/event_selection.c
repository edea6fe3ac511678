/* SPDX-License-Identifier: Apache-2.0 */
/* From top to bottom: rows grouped by user and sorted by time; the core; the steps in the order
 * in which they are taken.
 *
 * Users, items and their events are a bipartite graph. Its core is found by peeling: a user or
 * an item below the minimum is taken out once, with its events. Its partners lose these events
 * and may fall below the minimum in turn. */
#include "events/event_selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void *allocate_for(const s3_selection *selection, size_t count, size_t size) {
  return s3_allocate(selection->events->context, count, size);
}

void s3_selection_free(s3_selection *selection) {
  const s3rec_context *const context = selection->events->context;
  s3_free(context, selection->user_begin);
  s3_free(context, selection->rows);
  s3_free(context, selection->item_ids);
  *selection = (s3_selection){0};
}

/* No value, which is NaN, is below every minimum. */
static bool has_least_value(const s3rec_events *events, size_t row, double min_value) {
  return min_value == -INFINITY || s3_event_get(&events->table, row).value >= min_value;
}

/* Groups the rows by user. The rows of a user stay in the order of the table. */
static s3rec_status group_by_user(s3_selection *selection, double min_value) {
  const s3_event_table *const table = &selection->events->table;
  size_t *const begin = allocate_for(selection, selection->user_count + 2, sizeof *begin);
  selection->user_begin = begin;
  if (begin == NULL) return S3REC_ERROR_MEMORY;
  /* begin[u + 2] counts the rows of user u. Then begin[u + 1] is the place of its next row. */
  for (size_t row = 0; row < table->count; row++)
    if (has_least_value(selection->events, row, min_value)) begin[s3_event_user(table, row) + 2]++;
  for (size_t user = 0; user < selection->user_count; user++) begin[user + 2] += begin[user + 1];
  const size_t count = begin[selection->user_count + 1];
  selection->rows = s3_allocate_unset(selection->events->context, count, sizeof(uint32_t));
  if (selection->rows == NULL) return S3REC_ERROR_MEMORY;
  for (size_t row = 0; row < table->count; row++)
    if (has_least_value(selection->events, row, min_value))
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
  return x->row < y->row ? -1 : x->row > y->row; /* makes the sort stable */
}

static void sort_rows_of_user(const s3_selection *selection, size_t user, moment *moments) {
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

static s3rec_status sort_by_time(const s3_selection *selection) {
  if (selection->events->time_kind == S3_TIME_NONE) return S3REC_OK;
  size_t longest = 0;
  for (size_t user = 0; user < selection->user_count; user++) {
    const size_t count = selection->user_begin[user + 1] - selection->user_begin[user];
    if (count > longest) longest = count;
  }
  moment *const moments = allocate_for(selection, longest, sizeof *moments);
  if (moments == NULL) return S3REC_ERROR_MEMORY;
  for (size_t user = 0; user < selection->user_count; user++)
    sort_rows_of_user(selection, user, moments);
  s3_free(selection->events->context, moments);
  return S3REC_OK;
}

typedef struct core {
  const s3_selection *selection;
  size_t minimum[2];   /* of users, of items */
  uint32_t *degree[2]; /* events left */
  uint8_t *gone[2];
  size_t *item_begin;   /* [items + 1] */
  uint32_t *item_users; /* [events], item by item */
  uint32_t *queue;      /* users, then items: user_count + item; each once */
  size_t queued;
} core;

enum { USER, ITEM };

static size_t item_count_of(const s3_selection *selection) {
  return selection->events->items.names.count;
}

static int32_t item_at(const s3_selection *selection, size_t place) {
  return s3_event_item(&selection->events->table, selection->rows[place]);
}

static s3rec_status allocate_core(const s3rec_context *context, core *c) {
  const size_t users = c->selection->user_count, items = item_count_of(c->selection);
  const size_t events = c->selection->user_begin[users];
  c->degree[USER] = s3_allocate(context, users, sizeof(uint32_t));
  c->degree[ITEM] = s3_allocate(context, items, sizeof(uint32_t));
  c->item_begin = s3_allocate(context, items + 1, sizeof *c->item_begin);
  c->item_users = s3_allocate_unset(context, events, sizeof *c->item_users);
  c->queue = s3_allocate_unset(context, users + items, sizeof *c->queue);
  const bool all = c->degree[USER] != NULL && c->degree[ITEM] != NULL && c->item_begin != NULL &&
                   c->item_users != NULL && c->queue != NULL;
  return all ? S3REC_OK : S3REC_ERROR_MEMORY;
}

/* Counts the events of users and items, and lists the users of each item. */
static void list_users_of_items(core *c) {
  const s3_selection *const s = c->selection;
  const size_t items = item_count_of(s), events = s->user_begin[s->user_count];
  for (size_t i = 0; i < events; i++) c->degree[ITEM][item_at(s, i)]++;
  for (size_t i = 0; i < items; i++) c->item_begin[i + 1] = c->item_begin[i] + c->degree[ITEM][i];
  for (size_t user = 0; user < s->user_count; user++) {
    c->degree[USER][user] = (uint32_t)(s->user_begin[user + 1] - s->user_begin[user]);
    for (size_t i = s->user_begin[user]; i < s->user_begin[user + 1]; i++)
      c->item_users[c->item_begin[item_at(s, i)]++] = (uint32_t)user;
  }
  for (size_t i = items; i > 0; i--) c->item_begin[i] = c->item_begin[i - 1];
  c->item_begin[0] = 0;
}

static void take_out_node(core *c, int side, size_t index) {
  c->gone[side][index] = 1;
  c->queue[c->queued++] = (uint32_t)(side == USER ? index : c->selection->user_count + index);
}

static void lose_event(core *c, int side, size_t index) {
  if (c->gone[side][index]) return;
  if (--c->degree[side][index] < c->minimum[side]) take_out_node(c, side, index);
}

static void peel_core(core *c) {
  const s3_selection *const s = c->selection;
  for (size_t user = 0; user < s->user_count; user++)
    if (c->degree[USER][user] < c->minimum[USER]) take_out_node(c, USER, user);
  for (size_t item = 0; item < item_count_of(s); item++)
    if (c->degree[ITEM][item] < c->minimum[ITEM]) take_out_node(c, ITEM, item);
  for (size_t next = 0; next < c->queued; next++) {
    const size_t node = c->queue[next];
    if (node < s->user_count) {
      for (size_t i = s->user_begin[node]; i < s->user_begin[node + 1]; i++)
        lose_event(c, ITEM, (size_t)item_at(s, i));
    } else {
      const size_t item = node - s->user_count;
      for (size_t i = c->item_begin[item]; i < c->item_begin[item + 1]; i++)
        lose_event(c, USER, c->item_users[i]);
    }
  }
}

/* Sets user_gone [users] and item_gone [items], all zeros at first, to 1 for those that are not
 * in the largest set of events in which every user has at least min_user_events and every item
 * at least min_item_events. Takes time in proportion to the events. */
static s3rec_status find_core(const s3_selection *selection, size_t min_user_events,
                              size_t min_item_events, uint8_t *user_gone, uint8_t *item_gone) {
  const s3rec_context *const context = selection->events->context;
  core c = {.selection = selection,
            .minimum = {min_user_events, min_item_events},
            .gone = {user_gone, item_gone}};
  const s3rec_status status = allocate_core(context, &c);
  if (status == S3REC_OK) {
    list_users_of_items(&c);
    peel_core(&c);
  }
  s3_free(context, c.degree[USER]);
  s3_free(context, c.degree[ITEM]);
  s3_free(context, c.item_begin);
  s3_free(context, c.item_users);
  s3_free(context, c.queue);
  return status;
}

/* The steps: each goes over the `count` rows of one user, keeps some at the front in their
 * order and returns how many. */

/* Keeps the first of equal items in a row. */
static size_t drop_runs(const s3_event_table *table, uint32_t *rows, size_t count) {
  size_t kept = 0;
  int32_t last = -1;
  for (size_t i = 0; i < count; i++) {
    const int32_t item = s3_event_item(table, rows[i]);
    if (item != last) rows[kept++] = rows[i];
    last = item;
  }
  return kept;
}

/* Keeps the first event of each item. last_user [items of the table] has the user that had an
 * item last, plus 1. */
static size_t drop_later_events(const s3_event_table *table, uint32_t *rows, size_t count,
                                size_t user, size_t *last_user) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    const int32_t item = s3_event_item(table, rows[i]);
    if (last_user[item] == user + 1) continue;
    last_user[item] = user + 1;
    rows[kept++] = rows[i];
  }
  return kept;
}

static size_t drop_unknown_items(const s3_event_table *table, uint32_t *rows, size_t count,
                                 const int32_t *item_ids) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (item_ids[s3_event_item(table, rows[i])] >= 0) rows[kept++] = rows[i];
  return kept;
}

static size_t drop_gone_items(const s3_event_table *table, uint32_t *rows, size_t count,
                              const uint8_t *item_gone) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (!item_gone[s3_event_item(table, rows[i])]) rows[kept++] = rows[i];
  return kept;
}

/* Drops repeats and items without a name. last_user is NULL unless repeats is DROP. */
static void select_items(s3_selection *selection, s3rec_repeats repeats, size_t *last_user,
                         s3rec_events_report *report) {
  const s3_event_table *const table = &selection->events->table;
  size_t *const begin = selection->user_begin;
  size_t kept = 0, from = 0;
  for (size_t user = 0; user < selection->user_count; user++) {
    uint32_t *const rows = selection->rows + from;
    const size_t count = begin[user + 1] - from;
    size_t distinct = count;
    if (repeats == S3REC_REPEATS_DROP)
      distinct = drop_later_events(table, rows, count, user, last_user);
    else if (repeats == S3REC_REPEATS_RUNS)
      distinct = drop_runs(table, rows, count);
    size_t known = distinct;
    if (selection->item_ids != NULL)
      known = drop_unknown_items(table, rows, distinct, selection->item_ids);
    report->repeat_count += count - distinct;
    report->unknown_count += distinct - known;
    memmove(selection->rows + kept, rows, known * sizeof *rows);
    kept += known;
    from += count;
    begin[user + 1] = kept;
  }
}

/* Keeps the core (all when its arrays are NULL), of each user the newest max_length events (0:
 * all), and of these only users with min_length. */
static void select_users(s3_selection *selection, const uint8_t *user_gone,
                         const uint8_t *item_gone, const s3rec_events_options *options,
                         s3rec_events_report *report) {
  const s3_event_table *const table = &selection->events->table;
  const size_t longest = options->max_length > 0 ? (size_t)options->max_length : SIZE_MAX;
  size_t *const begin = selection->user_begin;
  size_t kept = 0, from = 0;
  for (size_t user = 0; user < selection->user_count; user++) {
    uint32_t *const rows = selection->rows + from;
    const size_t count = begin[user + 1] - from;
    size_t core = count;
    if (user_gone != NULL)
      core = user_gone[user] ? 0 : drop_gone_items(table, rows, count, item_gone);
    const size_t newest = core < longest ? core : longest;
    const size_t left = newest >= (size_t)options->min_length ? newest : 0;
    report->core_count += count - core;
    report->cut_count += core - newest;
    report->short_count += newest - left;
    memmove(selection->rows + kept, rows + (core - newest), left * sizeof *rows);
    kept += left;
    from += count;
    begin[user + 1] = kept;
  }
}

static s3rec_status find_known_items(s3_selection *selection, const s3rec_vocabulary *names) {
  const s3_name_table *const items = &selection->events->items.names;
  selection->item_ids = allocate_for(selection, items->count, sizeof *selection->item_ids);
  if (selection->item_ids == NULL) return S3REC_ERROR_MEMORY;
  if (items->count > 0)
    s3_names_find(&names->names, items->text, items->offsets, items->count, names->first_id,
                  selection->item_ids);
  return S3REC_OK;
}

static s3rec_status drop_repeats_and_unknown(s3_selection *selection,
                                             const s3rec_events_options *options,
                                             s3rec_events_report *report) {
  if (options->item_names != NULL) S3_TRY(find_known_items(selection, options->item_names));
  if (options->item_names == NULL && options->repeats == S3REC_REPEATS_KEEP) return S3REC_OK;
  size_t *last_user = NULL;
  if (options->repeats == S3REC_REPEATS_DROP) {
    last_user = allocate_for(selection, selection->events->items.names.count, sizeof *last_user);
    if (last_user == NULL) return S3REC_ERROR_MEMORY;
  }
  select_items(selection, options->repeats, last_user, report);
  s3_free(selection->events->context, last_user);
  return S3REC_OK;
}

static s3rec_status keep_core_and_length(s3_selection *selection,
                                         const s3rec_events_options *options,
                                         s3rec_events_report *report) {
  if (options->min_user_events <= 1 && options->min_item_events <= 1) {
    select_users(selection, NULL, NULL, options, report);
    return S3REC_OK;
  }
  const s3rec_context *const context = selection->events->context;
  uint8_t *const user_gone = allocate_for(selection, selection->user_count, 1);
  uint8_t *const item_gone = allocate_for(selection, selection->events->items.names.count, 1);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (user_gone != NULL && item_gone != NULL)
    status = find_core(selection, (size_t)options->min_user_events,
                       (size_t)options->min_item_events, user_gone, item_gone);
  if (status == S3REC_OK) select_users(selection, user_gone, item_gone, options, report);
  s3_free(context, user_gone);
  s3_free(context, item_gone);
  return status;
}

static s3rec_status select_events(s3_selection *selection, const s3rec_events_options *options,
                                  s3rec_events_report *report) {
  S3_TRY(group_by_user(selection, options->min_value));
  report->low_value_count = report->event_count - selection->user_begin[selection->user_count];
  S3_TRY(sort_by_time(selection));
  S3_TRY(drop_repeats_and_unknown(selection, options, report));
  S3_TRY(keep_core_and_length(selection, options, report));
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
