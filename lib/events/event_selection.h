/* SPDX-License-Identifier: Apache-2.0 */
/* Which events of a table become a dataset. */
#ifndef S3_EVENTS_EVENT_SELECTION_H
#define S3_EVENTS_EVENT_SELECTION_H

#include "names/vocabulary.h"
#include "events/events.h"

/* Rows of the table, user by user; within a user oldest first, in the order of the table at
 * one moment. */
typedef struct s3_selection {
  const s3rec_events *events;
  size_t user_count;  /* of the table */
  size_t *user_begin; /* [user_count + 1] */
  uint32_t *rows;     /* [user_begin[user_count]] */
  int32_t *item_ids;  /* [items of the table] in options.item_names, -1: not there; or NULL */
} s3_selection;

/* Takes the steps that the options ask for and counts in `report` what they leave out. */
s3rec_status s3_selection_make(const s3rec_events *events, const s3rec_events_options *options,
                               s3_selection *selection, s3rec_events_report *report);
void s3_selection_free(s3_selection *selection);

/* Sets to 1 in user_gone [users] and item_gone [items], all zeros at first, who is not in the
 * largest set of events in which every user has at least min_user_events and every item at
 * least min_item_events. Takes time in proportion to the events. */
s3rec_status s3_selection_core(const s3_selection *selection, size_t min_user_events,
                               size_t min_item_events, uint8_t *user_gone, uint8_t *item_gone);

#endif
