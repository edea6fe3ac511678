/* SPDX-License-Identifier: Apache-2.0 */
#include "item_names.h"

#include <stdlib.h>
#include <string.h>

#include "plain_text.h"

enum { SIMILAR = 3, COMPARED = 64, SHOWN = 80, CONTAINED = 3 };

const char *cli_name_of(const s3rec_vocabulary *names, int32_t id) {
  const char *name = NULL;
  if (names == NULL || s3rec_vocabulary_name(names, id, &name, NULL) != S3REC_OK) return NULL;
  return name;
}

void cli_json_set_name(json_t *object, const char *key, const s3rec_vocabulary *names, int32_t id) {
  const char *const name = cli_name_of(names, id);
  if (name != NULL) json_object_set_new(object, key, json_string(name));
}

/* The beginning of a name in small letters. */
typedef struct folded {
  char text[COMPARED];
  int length;
} folded;

static folded fold(const char *name) {
  folded result = {.length = 0};
  for (; name[result.length] != '\0' && result.length < COMPARED - 1; result.length++) {
    const char c = name[result.length];
    result.text[result.length] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  result.text[result.length] = '\0';
  return result;
}

static int least(int a, int b, int c) {
  const int d = a < b ? a : b;
  return c < d ? c : d;
}

/* Characters to insert, delete or replace, and neighbours to swap, from one to the other. */
static int distance(const folded *a, const folded *b) {
  int rows[3][COMPARED]; /* of i - 2, i - 1 and i characters of a */
  for (int j = 0; j <= b->length; j++) rows[0][j] = j;
  for (int i = 1; i <= a->length; i++) {
    int *const row = rows[i % 3];
    const int *const above = rows[(i - 1) % 3], *const second = rows[(i + 1) % 3];
    row[0] = i;
    for (int j = 1; j <= b->length; j++) {
      const bool same = a->text[i - 1] == b->text[j - 1];
      row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
      const bool swapped =
          i > 1 && j > 1 && a->text[i - 1] == b->text[j - 2] && a->text[i - 2] == b->text[j - 1];
      if (swapped && second[j - 2] + 1 < row[j]) row[j] = second[j - 2] + 1;
    }
  }
  return rows[a->length % 3][b->length];
}

/* How far a name is from the wanted one, 0 at best; above `limit`: not similar. A name that
 * contains it counts as being a few characters off. */
static int difference(const folded *wanted, const folded *name, int limit) {
  const bool contained = wanted->length >= 3 && strstr(name->text, wanted->text) != NULL;
  const int spread = abs(wanted->length - name->length);
  const int best = contained ? CONTAINED : limit + 1;
  if (spread > limit || spread >= best) return best;
  const int steps = distance(wanted, name);
  return steps < best ? steps : best;
}

/* Fills `ids` with those of similar names, most similar first; returns how many. */
static int find_similar(const s3rec_vocabulary *names, const char *name, int32_t ids[SIMILAR]) {
  const folded wanted = fold(name);
  const int limit = wanted.length < 6 ? 2 : wanted.length / 3;
  const int32_t first = s3rec_vocabulary_first_id(names);
  const int32_t end = first + (int32_t)s3rec_vocabulary_count(names);
  int found = 0, differences[SIMILAR];
  for (int32_t id = first; id < end; id++) {
    const folded other = fold(cli_name_of(names, id));
    const int d = difference(&wanted, &other, limit > CONTAINED ? limit : CONTAINED);
    if (d > limit && d != CONTAINED) continue;
    int place = found;
    while (place > 0 && differences[place - 1] > d) place--;
    if (place == SIMILAR) continue;
    for (int i = found < SIMILAR ? found : SIMILAR - 1; i > place; i--) {
      ids[i] = ids[i - 1];
      differences[i] = differences[i - 1];
    }
    ids[place] = id;
    differences[place] = d;
    if (found < SIMILAR) found++;
  }
  return found;
}

int cli_find_name(const cli_options *options, const char *option, const char *what,
                  const char *where, const s3rec_vocabulary *names, const char *name, int32_t *id) {
  if (s3rec_vocabulary_find(names, name, strlen(name), id) == S3REC_OK) return CLI_OK;
  int32_t similar[SIMILAR];
  const int count = find_similar(names, name, similar);
  char list[SIMILAR * (SHOWN + 4)] = "", shown[SHOWN];
  for (int i = 0; i < count; i++) {
    cli_plain_text(cli_name_of(names, similar[i]), shown, sizeof shown);
    const size_t length = strlen(list);
    snprintf(list + length, sizeof list - length, "%s'%s'", i == 0 ? "" : ", ", shown);
  }
  cli_plain_text(name, shown, sizeof shown);
  return cli_usage(options, "--%s: %s has no %s '%s'%s%s", option, where, what, shown,
                   count == 0 ? "" : "; similar: ", list);
}
