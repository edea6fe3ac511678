/* SPDX-License-Identifier: Apache-2.0 */
/* Words that titles and names are made of. */
#ifndef CLI_GENERATE_WORDS_H
#define CLI_GENERATE_WORDS_H

enum {
  GEN_GENRE_COUNT = 18,
  GEN_KIND_COUNT = 3,
  GEN_GENRE_NOUNS = 14,
  GEN_ADJECTIVES = 64,
  GEN_PLACES = 40,
  GEN_OPENINGS = 12,
  GEN_FIRST_NAMES = 56,
  GEN_LAST_NAMES = 72
};

typedef enum gen_kind { GEN_FILM = 0, GEN_SHOW = 1, GEN_SHORT = 2 } gen_kind;

extern const char *const gen_genre_names[GEN_GENRE_COUNT];
extern const char *const gen_kind_names[GEN_KIND_COUNT];
extern const char *const gen_genre_nouns[GEN_GENRE_COUNT][GEN_GENRE_NOUNS];
extern const char *const gen_adjectives[GEN_ADJECTIVES];
extern const char *const gen_places[GEN_PLACES];
extern const char *const gen_openings[GEN_OPENINGS];
extern const char *const gen_first_names[GEN_FIRST_NAMES];
extern const char *const gen_last_names[GEN_LAST_NAMES];

#endif
