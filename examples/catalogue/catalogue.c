/* SPDX-License-Identifier: Apache-2.0 */
#include "catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ITEMS_PER_DIRECTOR = 11,
  SERIES_SHARE = 38, /* per cent of the items that are part of a series */
  ZIPF_OFFSET = 12   /* flattens the top of the popularity curve */
};

bool gen_has_genre(const gen_item *item, int32_t genre) {
  for (int32_t i = 0; i < item->genre_count; i++)
    if (item->genres[i] == genre) return true;
  return false;
}

static void add_genre(gen_item *item, int32_t genre) {
  if (item->genre_count < GEN_ITEM_GENRES && !gen_has_genre(item, genre))
    item->genres[item->genre_count++] = genre;
}

static int32_t draw_genre(gen_random *random) {
  /* The first genres of the list are made more often. */
  const uint32_t a = gen_below(random, GEN_GENRE_COUNT), b = gen_below(random, GEN_GENRE_COUNT);
  return (int32_t)(gen_chance(random, 40) && b < a ? b : a);
}

static void make_directors(uint64_t seed, gen_catalogue *catalogue) {
  for (int32_t d = 0; d < catalogue->director_count; d++) {
    gen_random random = gen_stream(seed, GEN_DIRECTORS, (uint64_t)d);
    gen_director *const director = &catalogue->directors[d];
    bool taken = true;
    for (int attempt = 0; taken && attempt < 50; attempt++) {
      gen_name(&random, director->name);
      taken = false;
      for (int32_t other = 0; other < d && !taken; other++)
        taken = strcmp(catalogue->directors[other].name, director->name) == 0;
    }
    director->genres[0] = draw_genre(&random);
    director->genres[1] = draw_genre(&random);
  }
}

/* A director with this favourite genre, if a few draws find one. */
static int32_t draw_director(gen_random *random, const gen_catalogue *catalogue, int32_t genre) {
  int32_t director = 0;
  for (int attempt = 0; attempt < 24; attempt++) {
    director = (int32_t)gen_below(random, (uint32_t)catalogue->director_count);
    const int32_t *const genres = catalogue->directors[director].genres;
    if (genres[0] == genre || genres[1] == genre) break;
  }
  return director;
}

static void draw_traits(gen_random *random, const gen_catalogue *catalogue, gen_item *item) {
  item->series = -1;
  add_genre(item, draw_genre(random));
  item->director = draw_director(random, catalogue, item->genres[0]);
  const int32_t *const home = catalogue->directors[item->director].genres;
  if (gen_chance(random, 60)) add_genre(item, home[gen_below(random, 2)]);
  if (gen_chance(random, 35)) add_genre(item, draw_genre(random));
  const uint32_t span = GEN_LAST_YEAR - GEN_FIRST_YEAR + 1;
  const uint32_t a = gen_below(random, span), b = gen_below(random, span);
  item->year = GEN_LAST_YEAR - (int32_t)(a < b ? a : b); /* recent years are more frequent */
  const uint32_t kind = gen_below(random, 100);
  item->kind = kind < 78 ? GEN_FILM : kind < 94 ? GEN_SHOW : GEN_SHORT;
}

static bool title_taken(const gen_catalogue *catalogue, int32_t count, const char *title) {
  for (int32_t id = 1; id <= count; id++)
    if (strcmp(catalogue->items[id].title, title) == 0) return true;
  return false;
}

/* A title that no earlier item has. If the words give no new one, the year is added. */
static void name_alone(gen_random *random, const gen_catalogue *catalogue, int32_t count,
                       gen_item *item) {
  for (int attempt = 0; attempt < 20; attempt++) {
    gen_title(random, item->genres[0], item->title);
    if (!title_taken(catalogue, count, item->title)) return;
  }
  const size_t length = strlen(item->title);
  snprintf(item->title + length, sizeof item->title - length, " (%d)", (int)item->year);
}

/* Appends a series of `parts` parts; returns the new item count. */
static int32_t make_series(uint64_t seed, gen_catalogue *catalogue, int32_t count, int32_t parts) {
  const int32_t index = catalogue->series_count++;
  gen_series *const series = &catalogue->series[index];
  gen_random random = gen_stream(seed, GEN_SERIES, (uint64_t)index);
  gen_item first = {0};
  draw_traits(&random, catalogue, &first);
  first.kind = gen_chance(&random, 45) ? GEN_SHOW : GEN_FILM;
  if (first.year > GEN_LAST_YEAR - 2 * parts) first.year = GEN_LAST_YEAR - 2 * parts;
  name_alone(&random, catalogue, count, &first);
  memcpy(series->title, first.title, sizeof series->title);
  series->part_count = parts;
  for (int32_t part = 1; part <= parts; part++) {
    gen_item *const item = &catalogue->items[++count];
    *item = first;
    item->series = index;
    item->part = part;
    gen_part_title(&random, series->title, first.kind, first.genres[0], part, item->title);
    /* Sometimes another director makes the next part. */
    if (part > 1 && gen_chance(&random, 15))
      first.director = draw_director(&random, catalogue, first.genres[0]);
    first.year += 1 + (int32_t)gen_below(&random, 2);
  }
  return count;
}

static void make_items(uint64_t seed, gen_catalogue *catalogue) {
  gen_random sizes = gen_stream(seed, GEN_SERIES, UINT64_MAX);
  const int32_t in_series = catalogue->item_count * SERIES_SHARE / 100;
  int32_t count = 0;
  while (count + GEN_SERIES_PARTS <= in_series) {
    const uint32_t a = gen_below(&sizes, 4), b = gen_below(&sizes, 4);
    count = make_series(seed, catalogue, count, 2 + (int32_t)(a + b));
  }
  while (count < catalogue->item_count) {
    gen_item *const item = &catalogue->items[count + 1];
    gen_random random = gen_stream(seed, GEN_ITEMS, (uint64_t)count);
    draw_traits(&random, catalogue, item);
    name_alone(&random, catalogue, count, item);
    count++;
  }
}

/* Puts the items in random order, so that an id tells nothing about its item. Then gives each item
 * a place of a Zipf curve. */
static void shuffle(uint64_t seed, gen_catalogue *catalogue) {
  gen_random random = gen_stream(seed, GEN_ORDER, 0);
  for (int32_t last = catalogue->item_count; last > 1; last--) {
    const int32_t other = 1 + (int32_t)gen_below(&random, (uint32_t)last);
    const gen_item kept = catalogue->items[last];
    catalogue->items[last] = catalogue->items[other];
    catalogue->items[other] = kept;
  }
  /* A second shuffle, of the places, by giving place p to a random id left. */
  for (int32_t id = 1; id <= catalogue->item_count; id++)
    catalogue->items[id].popularity = (uint64_t)id;
  for (int32_t last = catalogue->item_count; last >= 1; last--) {
    const int32_t other = 1 + (int32_t)gen_below(&random, (uint32_t)last);
    const uint64_t place = catalogue->items[other].popularity;
    catalogue->items[other].popularity = catalogue->items[last].popularity;
    catalogue->items[last].popularity = 10000000u / (place + ZIPF_OFFSET);
  }
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    const gen_item *const item = &catalogue->items[id];
    if (item->series >= 0) catalogue->series[item->series].parts[item->part - 1] = id;
  }
}

int32_t gen_attributes(const gen_catalogue *catalogue, int32_t id,
                       int32_t attributes[GEN_ITEM_ATTRIBUTES]) {
  const int32_t first_kind = 1 + GEN_GENRE_COUNT;
  const int32_t first_decade = first_kind + GEN_KIND_COUNT;
  const int32_t first_director = first_decade + GEN_DECADE_COUNT;
  const gen_item *const item = &catalogue->items[id];
  int32_t count = 0;
  for (int32_t g = 0; g < item->genre_count; g++) attributes[count++] = 1 + item->genres[g];
  attributes[count++] = first_kind + (int32_t)item->kind;
  attributes[count++] = first_decade + gen_decade(item);
  attributes[count++] = first_director + item->director;
  if (item->series >= 0)
    attributes[count++] = first_director + catalogue->director_count + item->series;
  return count;
}

bool gen_catalogue_make(uint64_t seed, int32_t item_count, gen_catalogue *catalogue) {
  *catalogue = (gen_catalogue){.item_count = item_count,
                               .director_count = 2 + item_count / ITEMS_PER_DIRECTOR};
  catalogue->items = calloc((size_t)item_count + 1, sizeof *catalogue->items);
  catalogue->directors = calloc((size_t)catalogue->director_count, sizeof *catalogue->directors);
  catalogue->series = calloc((size_t)item_count, sizeof *catalogue->series);
  if (catalogue->items == NULL || catalogue->directors == NULL || catalogue->series == NULL) {
    gen_catalogue_free(catalogue);
    return false;
  }
  make_directors(seed, catalogue);
  make_items(seed, catalogue);
  shuffle(seed, catalogue);
  return true;
}

void gen_catalogue_free(gen_catalogue *catalogue) {
  free(catalogue->items);
  free(catalogue->directors);
  free(catalogue->series);
  *catalogue = (gen_catalogue){0};
}
