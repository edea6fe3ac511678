/* SPDX-License-Identifier: Apache-2.0 */
/* What the viewers of a made-up streaming service watch. */
#ifndef CATALOGUE_VIEWERS_H
#define CATALOGUE_VIEWERS_H

#include "catalogue.h"

enum {
  GEN_SHORTEST_HISTORY = 5,
  GEN_LONGEST_HISTORY = 80,
  GEN_NEGATIVE_COUNT = 99,
  GEN_FEWEST_ITEMS = 300 /* leaves room for history and negatives */
};

/* Pools of items to choose from and working memory. */
typedef struct gen_viewers gen_viewers;

/* NULL when memory runs out. The catalogue must outlive it. */
gen_viewers *gen_viewers_make(uint64_t seed, const gen_catalogue *catalogue);
void gen_viewers_free(gen_viewers *viewers);

/* History of viewer `index` (from 0), oldest first; returns its length. */
int32_t gen_viewers_history(gen_viewers *viewers, uint64_t index,
                            int32_t history[GEN_LONGEST_HISTORY]);
/* Items that are not in the history made last. */
void gen_viewers_negatives(gen_viewers *viewers, uint64_t index,
                           int32_t negatives[GEN_NEGATIVE_COUNT]);

#endif
