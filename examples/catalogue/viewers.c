/* SPDX-License-Identifier: Apache-2.0 */
/* A viewer has a taste: three genres, an era, and the directors of items watched before. Viewers
 * watch in sessions of one genre. In a session the next part of a series comes first, then other
 * items of a director, then popular items of the genre. Tastes change: sometimes a favourite genre
 * is replaced. */
#include "viewers.h"

#include <stdlib.h>
#include <string.h>

enum {
  FAVOURITES = 3,
  CONTINUE_SERIES = 72, /* per cent: the part after the one just watched */
  RESUME_SERIES = 18,   /* a series that was begun earlier */
  SAME_DIRECTOR = 30,
  OFF_TASTE = 7, /* anything popular */
  DRIFT = 8,     /* a new favourite at the start of a session */
  ERA_FACTOR = 6,
  GENRE_FACTOR = 3
};

typedef struct gen_pool { /* items that do not need an earlier part */
  int32_t *ids;
  size_t count;
} gen_pool;

struct gen_viewers {
  uint64_t seed;
  const gen_catalogue *catalogue;
  gen_pool genres[GEN_GENRE_COUNT];
  gen_pool *directors; /* [director_count] */
  gen_pool all;
  int32_t *storage; /* of all pools */
  uint64_t *weights;
  bool *seen; /* [item_count + 1] */
};

typedef struct gen_taste {
  int32_t genres[FAVOURITES]; /* strongest first */
  int32_t era;                /* first decade of two */
} gen_taste;

static size_t fill_pool(gen_viewers *viewers, gen_pool *pool, int32_t *storage, int32_t genre,
                        int32_t director) {
  const gen_catalogue *const catalogue = viewers->catalogue;
  pool->ids = storage;
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    const gen_item *const item = &catalogue->items[id];
    if (item->part > 1) continue;
    if (genre >= 0 && !gen_has_genre(item, genre)) continue;
    if (director >= 0 && item->director != director) continue;
    pool->ids[pool->count++] = id;
  }
  return pool->count;
}

gen_viewers *gen_viewers_make(uint64_t seed, const gen_catalogue *catalogue) {
  gen_viewers *const viewers = calloc(1, sizeof *viewers);
  if (viewers == NULL) return NULL;
  const size_t items = (size_t)catalogue->item_count;
  viewers->seed = seed;
  viewers->catalogue = catalogue;
  viewers->directors = calloc((size_t)catalogue->director_count, sizeof *viewers->directors);
  /* An item is in the pool of all, of its director and of up to 3 genres. */
  viewers->storage = calloc(items * (2 + GEN_ITEM_GENRES), sizeof *viewers->storage);
  viewers->weights = calloc(items, sizeof *viewers->weights);
  viewers->seen = calloc(items + 1, sizeof *viewers->seen);
  if (viewers->directors == NULL || viewers->storage == NULL || viewers->weights == NULL ||
      viewers->seen == NULL) {
    gen_viewers_free(viewers);
    return NULL;
  }
  int32_t *storage = viewers->storage;
  storage += fill_pool(viewers, &viewers->all, storage, -1, -1);
  for (int32_t genre = 0; genre < GEN_GENRE_COUNT; genre++)
    storage += fill_pool(viewers, &viewers->genres[genre], storage, genre, -1);
  for (int32_t director = 0; director < catalogue->director_count; director++)
    storage += fill_pool(viewers, &viewers->directors[director], storage, -1, director);
  return viewers;
}

void gen_viewers_free(gen_viewers *viewers) {
  if (viewers == NULL) return;
  free(viewers->directors);
  free(viewers->storage);
  free(viewers->weights);
  free(viewers->seen);
  free(viewers);
}

static bool likes(const gen_taste *taste, const gen_item *item, int first) {
  for (int i = first; i < FAVOURITES; i++)
    if (gen_has_genre(item, taste->genres[i])) return true;
  return false;
}

/* Draws an unseen item of a pool by popularity, era and the other favourite genres; 0 if none is
 * left. */
static int32_t choose(gen_viewers *viewers, gen_random *random, const gen_pool *pool,
                      const gen_taste *taste) {
  for (size_t i = 0; i < pool->count; i++) {
    const gen_item *const item = &viewers->catalogue->items[pool->ids[i]];
    uint64_t weight = viewers->seen[pool->ids[i]] ? 0 : item->popularity;
    const int32_t decade = gen_decade(item);
    if (taste != NULL && (decade == taste->era || decade == taste->era + 1)) weight *= ERA_FACTOR;
    if (taste != NULL && likes(taste, item, 1)) weight *= GENRE_FACTOR;
    viewers->weights[i] = weight;
  }
  const size_t chosen = gen_weighted(random, viewers->weights, pool->count);
  return chosen < pool->count ? pool->ids[chosen] : 0;
}

/* The first unseen part of the series of `id`; 0 if there is none. */
static int32_t next_part(const gen_viewers *viewers, int32_t id) {
  const gen_item *const item = &viewers->catalogue->items[id];
  if (item->series < 0) return 0;
  const gen_series *const series = &viewers->catalogue->series[item->series];
  for (int32_t part = 0; part < series->part_count; part++)
    if (!viewers->seen[series->parts[part]]) return series->parts[part];
  return 0;
}

/* The next part of the latest unfinished series that fits the session's genre. */
static int32_t open_series(const gen_viewers *viewers, const int32_t *history, int32_t length,
                           int32_t genre) {
  for (int32_t i = length - 1; i >= 0; i--) {
    const int32_t next = next_part(viewers, history[i]);
    if (next > 0 && gen_has_genre(&viewers->catalogue->items[next], genre)) return next;
  }
  return 0;
}

static int32_t watch(gen_viewers *viewers, gen_random *random, const gen_taste *taste,
                     int32_t genre, const int32_t *history, int32_t length) {
  const int32_t last = length > 0 ? history[length - 1] : 0;
  int32_t id = 0;
  if (last > 0 && gen_chance(random, CONTINUE_SERIES)) id = next_part(viewers, last);
  if (id == 0 && gen_chance(random, RESUME_SERIES))
    id = open_series(viewers, history, length, genre);
  if (id == 0 && last > 0 && gen_chance(random, SAME_DIRECTOR))
    id = choose(viewers, random, &viewers->directors[viewers->catalogue->items[last].director],
                NULL);
  if (id == 0 && !gen_chance(random, OFF_TASTE))
    id = choose(viewers, random, &viewers->genres[genre], taste);
  if (id == 0) id = choose(viewers, random, &viewers->all, NULL);
  for (int32_t any = 1; id == 0; any++)
    if (!viewers->seen[any]) id = any;
  return id;
}

static int32_t draw_length(gen_random *random) {
  uint32_t length = GEN_SHORTEST_HISTORY + gen_below(random, 8);
  if (gen_chance(random, 40)) length += gen_below(random, 15);
  if (gen_chance(random, 10)) length += gen_below(random, 54);
  return (int32_t)length;
}

int32_t gen_viewers_history(gen_viewers *viewers, uint64_t index,
                            int32_t history[GEN_LONGEST_HISTORY]) {
  static const uint64_t favourite_weights[FAVOURITES] = {6, 3, 1};
  gen_random random = gen_stream(viewers->seed, GEN_VIEWER, index);
  gen_taste taste = {.era = (int32_t)gen_below(&random, GEN_DECADE_COUNT - 1)};
  for (int i = 0; i < FAVOURITES; i++)
    taste.genres[i] = (int32_t)gen_below(&random, GEN_GENRE_COUNT);
  const int32_t length = draw_length(&random);
  memset(viewers->seen, 0, ((size_t)viewers->catalogue->item_count + 1) * sizeof *viewers->seen);
  int32_t watched = 0;
  while (watched < length) {
    if (gen_chance(&random, DRIFT))
      taste.genres[gen_below(&random, FAVOURITES)] = (int32_t)gen_below(&random, GEN_GENRE_COUNT);
    const int32_t genre = taste.genres[gen_weighted(&random, favourite_weights, FAVOURITES)];
    int32_t session = 2 + (int32_t)gen_below(&random, 5);
    while (session-- > 0 && watched < length) {
      history[watched] = watch(viewers, &random, &taste, genre, history, watched);
      viewers->seen[history[watched++]] = true;
    }
  }
  return length;
}

void gen_viewers_negatives(gen_viewers *viewers, uint64_t index,
                           int32_t negatives[GEN_NEGATIVE_COUNT]) {
  gen_random random = gen_stream(viewers->seed, GEN_NEGATIVES, index);
  for (int i = 0; i < GEN_NEGATIVE_COUNT; i++) {
    int32_t id;
    do {
      id = 1 + (int32_t)gen_below(&random, (uint32_t)viewers->catalogue->item_count);
    } while (viewers->seen[id]);
    viewers->seen[id] = true;
    negatives[i] = id;
  }
}
