/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of the events of a table that become a dataset. */
#ifndef S3_EVENTS_EVENT_SELECTION_H
#define S3_EVENTS_EVENT_SELECTION_H

#include "events/events.h"
#include "names/vocabulary.h"

/* Rows of the table, user by user. The rows of a user are sorted oldest first; those of the
 * same moment stay in the order of the table. */
typedef struct s3_selection {
  const s3rec_events *events;
  size_t user_count;  /* of the table */
  size_t *user_begin; /* [user_count + 1] */
  uint32_t *rows;     /* [user_begin[user_count]] */
  int32_t *item_ids;  /* [items of the table] in options.item_names, -1: not there; or NULL */
} s3_selection;

/* Takes the steps that the options ask for. `report`, which starts with zeros, counts what each
 * of them leaves out. */
s3rec_status s3_selection_make(const s3rec_events *events, const s3rec_events_options *options,
                               s3_selection *selection, s3rec_events_report *report);
void s3_selection_free(s3_selection *selection);

#endif
