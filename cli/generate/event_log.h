/* SPDX-License-Identifier: Apache-2.0 */
/* The made-up service as the host of one would have it: a log of events and a table of
 * items, with ids of text. */
#ifndef CLI_GENERATE_EVENT_LOG_H
#define CLI_GENERATE_EVENT_LOG_H

#include <stdio.h>

#include "generate/catalogue.h"

/* The first lines of the two files. */
void gen_event_log_begin(FILE *events, FILE *attributes);

/* A row for each view of viewer `user` (from 1), oldest first; times and ratings come from
 * the seed, the views from elsewhere. */
void gen_event_log_viewer(FILE *events, uint64_t seed, const gen_catalogue *catalogue, int32_t user,
                          const int32_t *history, int32_t count);

/* A row for each item: what NAME_item2attributes.json says, in words. */
void gen_event_log_items(FILE *attributes, const gen_catalogue *catalogue);

#endif
