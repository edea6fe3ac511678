/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "generate/catalogue.h"

static const char *noun(gen_random *random, int32_t genre) {
  return gen_genre_nouns[genre][gen_below(random, GEN_GENRE_NOUNS)];
}

static const char *adjective(gen_random *random) {
  return gen_adjectives[gen_below(random, GEN_ADJECTIVES)];
}

static const char *place(gen_random *random) { return gen_places[gen_below(random, GEN_PLACES)]; }

static const char *first_name(gen_random *random) {
  return gen_first_names[gen_below(random, GEN_FIRST_NAMES)];
}

void gen_title(gen_random *random, int32_t genre, char title[GEN_TITLE_SIZE]) {
  const char *const n = noun(random, genre);
  const char *const a = adjective(random);
  switch (gen_below(random, 12)) {
    case 0:
    case 1:
      snprintf(title, GEN_TITLE_SIZE, "The %s %s", a, n);
      return;
    case 2:
      snprintf(title, GEN_TITLE_SIZE, "%s %s", a, n);
      return;
    case 3:
      snprintf(title, GEN_TITLE_SIZE, "The %s of %s", n, place(random));
      return;
    case 4: {
      const char *other = noun(random, genre);
      while (other == n) other = noun(random, genre);
      snprintf(title, GEN_TITLE_SIZE, "The %s and the %s", n, other);
      return;
    }
    case 5:
      snprintf(title, GEN_TITLE_SIZE, "The Last %s of %s", n, place(random));
      return;
    case 6:
      snprintf(title, GEN_TITLE_SIZE, "%s's %s", first_name(random), n);
      return;
    case 7:
      snprintf(title, GEN_TITLE_SIZE, "One %s for %s", n, first_name(random));
      return;
    case 8:
    case 9:
      snprintf(title, GEN_TITLE_SIZE, "%s %s", gen_openings[gen_below(random, GEN_OPENINGS)], n);
      return;
    case 10:
      snprintf(title, GEN_TITLE_SIZE, "No %s in %s", n, place(random));
      return;
    default:
      snprintf(title, GEN_TITLE_SIZE, "%s and the %s %s", first_name(random), a, n);
      return;
  }
}

void gen_part_title(gen_random *random, const char *series, gen_kind kind, int32_t genre,
                    int32_t part, char title[GEN_TITLE_SIZE]) {
  if (kind == GEN_SHOW) {
    snprintf(title, GEN_TITLE_SIZE, "%.60s, season %d", series, (int)part);
  } else if (part == 1) {
    snprintf(title, GEN_TITLE_SIZE, "%.60s", series);
  } else {
    const char *const a = adjective(random);
    snprintf(title, GEN_TITLE_SIZE, "%.40s %d: %s %s", series, (int)part, a, noun(random, genre));
  }
}
