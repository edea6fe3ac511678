/* SPDX-License-Identifier: Apache-2.0 */
/* The core of the bipartite graph of users and items: whoever falls below the minimum is
 * taken out once, its events are taken from its partners, and these may fall in turn. */
#include "base/error.h"
#include "events/event_selection.h"

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

static s3rec_status allocate(const s3rec_context *context, core *c) {
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

/* Lists the users of each item. */
static void count_events(core *c) {
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

static void take_out(core *c, int side, size_t index) {
  c->gone[side][index] = 1;
  c->queue[c->queued++] = (uint32_t)(side == USER ? index : c->selection->user_count + index);
}

static void lose_event(core *c, int side, size_t index) {
  if (c->gone[side][index]) return;
  if (--c->degree[side][index] < c->minimum[side]) take_out(c, side, index);
}

static void work(core *c) {
  const s3_selection *const s = c->selection;
  for (size_t user = 0; user < s->user_count; user++)
    if (c->degree[USER][user] < c->minimum[USER]) take_out(c, USER, user);
  for (size_t item = 0; item < item_count_of(s); item++)
    if (c->degree[ITEM][item] < c->minimum[ITEM]) take_out(c, ITEM, item);
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

s3rec_status s3_selection_core(const s3_selection *selection, size_t min_user_events,
                               size_t min_item_events, uint8_t *user_gone, uint8_t *item_gone) {
  const s3rec_context *const context = selection->events->context;
  core c = {.selection = selection,
            .minimum = {min_user_events, min_item_events},
            .gone = {user_gone, item_gone}};
  const s3rec_status status = allocate(context, &c);
  if (status == S3REC_OK) {
    count_events(&c);
    work(&c);
  }
  s3_free(context, c.degree[USER]);
  s3_free(context, c.degree[ITEM]);
  s3_free(context, c.item_begin);
  s3_free(context, c.item_users);
  s3_free(context, c.queue);
  return status;
}
