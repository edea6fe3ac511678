/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a made-up streaming service. */
#ifndef CATALOGUE_CATALOGUE_H
#define CATALOGUE_CATALOGUE_H

#include "random.h"

enum {
  GEN_GENRE_COUNT = 18,
  GEN_KIND_COUNT = 3,
  GEN_ITEM_GENRES = 3, /* at most, of one item */
  GEN_ITEM_ATTRIBUTES = GEN_ITEM_GENRES + 4,
  GEN_SERIES_PARTS = 8,
  GEN_FIRST_YEAR = 1960,
  GEN_LAST_YEAR = 2024,
  GEN_DECADE_COUNT = 7, /* 1960s .. 2020s */
  GEN_TITLE_SIZE = 96,
  GEN_NAME_SIZE = 48
};

typedef enum gen_kind { GEN_FILM = 0, GEN_SHOW = 1, GEN_SHORT = 2 } gen_kind;

extern const char *const gen_genre_names[GEN_GENRE_COUNT];
extern const char *const gen_kind_names[GEN_KIND_COUNT];

typedef struct gen_director {
  char name[GEN_NAME_SIZE];
  int32_t genres[2]; /* the most frequent genres of this director */
} gen_director;

typedef struct gen_series {
  char title[GEN_TITLE_SIZE];
  int32_t part_count;
  int32_t parts[GEN_SERIES_PARTS]; /* item ids, in order */
} gen_series;

typedef struct gen_item {
  char title[GEN_TITLE_SIZE];
  int32_t year;
  gen_kind kind;
  int32_t genre_count;
  int32_t genres[GEN_ITEM_GENRES];
  int32_t director;
  int32_t series;      /* -1: none */
  int32_t part;        /* from 1; 0 without series */
  uint64_t popularity; /* weight of a choice that nothing else decides */
} gen_item;

typedef struct gen_catalogue {
  int32_t item_count, director_count, series_count;
  gen_item *items; /* [item_count + 1], by id; item 0 is unused */
  gen_director *directors;
  gen_series *series;
} gen_catalogue;

/* Makes all items from a seed; false when memory runs out. */
bool gen_catalogue_make(uint64_t seed, int32_t item_count, gen_catalogue *catalogue);
void gen_catalogue_free(gen_catalogue *catalogue);

static inline int32_t gen_decade(const gen_item *item) {
  return (item->year - GEN_FIRST_YEAR) / 10;
}

bool gen_has_genre(const gen_item *item, int32_t genre);

/* Writes the numbers that NAME_item2attributes.json has for an item: genres, kind, decade,
 * director and series, in one range from 1. Returns how many. */
int32_t gen_attributes(const gen_catalogue *catalogue, int32_t id,
                       int32_t attributes[GEN_ITEM_ATTRIBUTES]);

/* Writes the name of a person. */
void gen_name(gen_random *random, char name[GEN_NAME_SIZE]);
/* Writes a title that fits the genre to `title`. */
void gen_title(gen_random *random, int32_t genre, char title[GEN_TITLE_SIZE]);
/* Title of part `part` (from 1) of a series. */
void gen_part_title(gen_random *random, const char *series, gen_kind kind, int32_t genre,
                    int32_t part, char title[GEN_TITLE_SIZE]);

#endif
