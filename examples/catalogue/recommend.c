/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what a model recommends to one viewer, with titles and reasons. The model does not know
 * the reasons: they are looked up in the catalogue afterwards. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue.h"
#include "program.h"
#include "s3rec/s3rec.h"

enum { WATCHED_SHOWN = 12, RECENT = 20, REASON_SIZE = 160, ROW_LIMIT = 1001 };

/* The items that a viewer watched, oldest first. */
typedef struct watched_items {
  const int32_t *ids;
  size_t count;
} watched_items;

typedef struct recommendation {
  const catalogue_options *options;
  gen_catalogue catalogue;
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
  watched_items watched;
} recommendation;

static int fail_status(const char *what) {
  return catalogue_fail(CATALOGUE_FAILURE, "%s: %s", what, s3rec_last_error());
}

/* -- reasons ------------------------------------------------------------------------------- */

static bool explain_by_series(const gen_catalogue *catalogue, watched_items watched,
                              const gen_item *item, char *text) {
  int32_t latest = 0; /* the last watched part before this one */
  bool begun = false;
  for (size_t i = 0; i < watched.count; i++) {
    const gen_item *const other = &catalogue->items[watched.ids[i]];
    if (item->series < 0 || other->series != item->series) continue;
    begun = true;
    if (other->part < item->part && other->part > latest) latest = other->part;
  }
  if (latest > 0 && latest + 1 == item->part)
    snprintf(text, REASON_SIZE, "next in the series after part %" PRId32, latest);
  else if (begun)
    snprintf(text, REASON_SIZE, "part %" PRId32 " of a series begun", item->part);
  return begun;
}

static bool explain_by_director(const gen_catalogue *catalogue, watched_items watched,
                                const gen_item *item, char *text) {
  size_t count = 0;
  for (size_t i = 0; i < watched.count; i++)
    count += catalogue->items[watched.ids[i]].director == item->director;
  if (count > 0) snprintf(text, REASON_SIZE, "director of %zu watched before", count);
  return count > 0;
}

static bool explain_by_genre(const gen_catalogue *catalogue, watched_items lately,
                             const gen_item *item, char *text) {
  size_t most = 0;
  for (int32_t g = 0; g < item->genre_count; g++) {
    size_t count = 0;
    for (size_t i = 0; i < lately.count; i++)
      count += gen_has_genre(&catalogue->items[lately.ids[i]], item->genres[g]);
    if (count <= most) continue;
    most = count;
    snprintf(text, REASON_SIZE, "%s, as %zu of the last %zu", gen_genre_names[item->genres[g]],
             count, lately.count);
  }
  return most > 0;
}

/* Names the latest watched item of the same kind and decade. */
static bool explain_by_decade(const gen_catalogue *catalogue, watched_items lately,
                              const gen_item *item, char *text) {
  for (size_t i = lately.count; i-- > 0;) {
    const gen_item *const other = &catalogue->items[lately.ids[i]];
    if (other->kind != item->kind || gen_decade(other) != gen_decade(item)) continue;
    snprintf(text, REASON_SIZE, "%s of the %" PRId32 "s, like %s", gen_kind_names[item->kind],
             GEN_FIRST_YEAR + 10 * gen_decade(item), other->title);
    return true;
  }
  return false;
}

/* Writes the strongest reason; "" if there is none. */
static void explain_item(const gen_catalogue *catalogue, watched_items watched, int32_t id,
                         char text[REASON_SIZE]) {
  const gen_item *const item = &catalogue->items[id];
  const size_t skipped = watched.count > RECENT ? watched.count - RECENT : 0;
  const watched_items lately = {watched.ids + skipped, watched.count - skipped};
  text[0] = '\0';
  if (explain_by_series(catalogue, watched, item, text)) return;
  if (explain_by_director(catalogue, watched, item, text)) return;
  if (explain_by_genre(catalogue, lately, item, text)) return;
  explain_by_decade(catalogue, lately, item, text);
}

/* -- tables -------------------------------------------------------------------------------- */

enum { SCORE, ITEM, TITLE, YEAR, GENRES, DIRECTOR, POPULARITY, REASON, COLUMN_COUNT };
typedef char table_row[COLUMN_COUNT][REASON_SIZE];

/* Number of characters: the bytes that begin a character in UTF-8. */
static int display_width(const char *text) {
  int width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

/* Columns without a heading in the first row are left out. */
static void print_rows(table_row *rows, size_t count) {
  int widths[COLUMN_COUNT] = {0};
  for (size_t row = 0; row < count; row++)
    for (int c = 0; c < COLUMN_COUNT; c++)
      if (display_width(rows[row][c]) > widths[c]) widths[c] = display_width(rows[row][c]);
  for (size_t row = 0; row < count; row++) {
    int blanks = 0; /* after the column before; a line must not end with blanks */
    for (int c = 0; c < COLUMN_COUNT; c++) {
      const char *const cell = rows[row][c];
      if (rows[0][c][0] == '\0') continue;
      if (cell[0] != '\0') printf("%*s  %s", blanks, "", cell);
      blanks = (cell[0] != '\0' ? 0 : blanks + 2) + widths[c] - display_width(cell);
    }
    putchar('\n');
  }
}

static void fill_heads(table_row row, bool recommended) {
  static const char *const heads[] = {"score",  "item",     "title",      "year",
                                      "genres", "director", "popularity", "why"};
  for (int c = recommended ? SCORE : ITEM; c <= (recommended ? REASON : DIRECTOR); c++)
    snprintf(row[c], REASON_SIZE, "%s", heads[c]);
}

static void fill_item(table_row row, const gen_catalogue *catalogue, int32_t id) {
  const gen_item *const item = &catalogue->items[id];
  size_t length = 0;
  snprintf(row[ITEM], REASON_SIZE, "%" PRId32, id);
  snprintf(row[TITLE], REASON_SIZE, "%s", item->title);
  snprintf(row[YEAR], REASON_SIZE, "%" PRId32, item->year);
  for (int32_t g = 0; g < item->genre_count; g++)
    length += (size_t)snprintf(row[GENRES] + length, REASON_SIZE - length, "%s%s",
                               g == 0 ? "" : ", ", gen_genre_names[item->genres[g]]);
  snprintf(row[DIRECTOR], REASON_SIZE, "%s", catalogue->directors[item->director].name);
}

static void print_watched(const recommendation *r, table_row *rows) {
  const watched_items watched = r->watched;
  const size_t shown = watched.count < WATCHED_SHOWN ? watched.count : WATCHED_SHOWN;
  fill_heads(rows[0], false);
  for (size_t i = 0; i < shown; i++)
    fill_item(rows[i + 1], &r->catalogue, watched.ids[watched.count - shown + i]);
  printf("viewer %" PRId32 ", history of %zu items", r->options->user, watched.count);
  printf(shown < watched.count ? ", the last %zu:\n" : ":\n", shown);
  print_rows(rows, shown + 1);
}

/* -- the command --------------------------------------------------------------------------- */

/* How often each item was watched, without the last two items of each viewer, because training may
 * hold them out. NULL when memory runs out. */
static size_t *count_views(const recommendation *r) {
  size_t *const views = calloc((size_t)r->catalogue.item_count + 1, sizeof *views);
  const int32_t *items;
  size_t count;
  if (views == NULL) return NULL;
  for (size_t u = 0; s3rec_dataset_user_items(r->dataset, u, &items, &count) == S3REC_OK; u++)
    for (size_t i = 0; i + 2 < count; i++) views[items[i]]++;
  return views;
}

/* Place among all items by views, from 1. Among equal counts the lower id comes first. */
static int32_t popularity_place(const recommendation *r, const size_t *views, int32_t id) {
  int32_t place = 1;
  for (int32_t other = 1; other <= r->catalogue.item_count; other++)
    place += views[other] > views[id] || (views[other] == views[id] && other < id);
  return place;
}

static int print_recommended(const recommendation *r, const size_t *views, table_row *rows) {
  int32_t *const ids = calloc((size_t)r->options->k, sizeof *ids);
  float *const scores = calloc((size_t)r->options->k, sizeof *scores);
  s3rec_scorer *scorer = NULL;
  size_t count = 0;
  int code = CATALOGUE_OK;
  if (ids == NULL || scores == NULL)
    code = catalogue_fail(CATALOGUE_FAILURE, "out of memory");
  else if (s3rec_scorer_create(r->model, &scorer) != S3REC_OK ||
           s3rec_score_next(scorer, r->watched.ids, r->watched.count, NULL, (size_t)r->options->k,
                            ids, scores, &count) != S3REC_OK)
    code = fail_status("recommendation");
  if (code == CATALOGUE_OK) {
    fill_heads(rows[0], true);
    for (size_t i = 0; i < count; i++) {
      snprintf(rows[i + 1][SCORE], REASON_SIZE, "%.3f", (double)scores[i]);
      fill_item(rows[i + 1], &r->catalogue, ids[i]);
      snprintf(rows[i + 1][POPULARITY], REASON_SIZE, "#%" PRId32,
               popularity_place(r, views, ids[i]));
      explain_item(&r->catalogue, r->watched, ids[i], rows[i + 1][REASON]);
    }
    printf("\nrecommended next:\n");
    print_rows(rows, count + 1);
  }
  s3rec_scorer_destroy(scorer);
  free(ids);
  free(scores);
  return code;
}

static int compare_numbers(const void *a, const void *b) {
  const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

/* With another catalogue the titles would be wrong, and nobody would see it. */
static bool catalogue_fits(const recommendation *r) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  if (s3rec_dataset_info_get(r->dataset, &info) != S3REC_OK ||
      info.item_size - 2 > r->catalogue.item_count)
    return false;
  for (int32_t id = 1; id <= info.item_size - 2; id++) {
    int32_t wanted[GEN_ITEM_ATTRIBUTES];
    const int32_t *found; /* rising */
    size_t count;
    const size_t wanted_count = (size_t)gen_attributes(&r->catalogue, id, wanted);
    qsort(wanted, wanted_count, sizeof *wanted, compare_numbers);
    if (s3rec_dataset_item_attributes(r->dataset, id, &found, &count) != S3REC_OK ||
        count != wanted_count || memcmp(found, wanted, count * sizeof *found) != 0)
      return false;
  }
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  return s3rec_model_config_get(r->model, &config) == S3REC_OK &&
         config.item_size - 2 <= r->catalogue.item_count;
}

static int open_all(recommendation *r) {
  const catalogue_options *const options = r->options;
  char sequences[4096], attributes[4096];
  snprintf(sequences, sizeof sequences, "%s/%s.txt", options->data, options->name);
  snprintf(attributes, sizeof attributes, "%s/%s_item2attributes.json", options->data,
           options->name);
  if (!gen_catalogue_make(options->seed, options->items, &r->catalogue))
    return catalogue_fail(CATALOGUE_FAILURE, "out of memory");
  if (s3rec_context_create(NULL, &r->context) != S3REC_OK) return fail_status("context");
  if (s3rec_dataset_load(r->context, sequences, attributes, NULL, &r->dataset) != S3REC_OK)
    return fail_status("data");
  if (s3rec_model_map(r->context, options->model, NULL, &r->model) != S3REC_OK)
    return fail_status("model");
  if (!catalogue_fits(r))
    return catalogue_fail(CATALOGUE_USAGE,
                          "the data or the model have items of another catalogue; give the "
                          "--items and the --seed that they were made with");
  if (s3rec_dataset_user_items(r->dataset, (size_t)options->user - 1, &r->watched.ids,
                               &r->watched.count) != S3REC_OK)
    return catalogue_fail(CATALOGUE_USAGE, "--user: %s.txt has no line %" PRId32, options->name,
                          options->user);
  return CATALOGUE_OK;
}

int catalogue_recommend(const catalogue_options *options) {
  recommendation r = {.options = options};
  int code = open_all(&r);
  if (code == CATALOGUE_OK) {
    size_t *const views = count_views(&r);
    table_row *const rows = calloc(ROW_LIMIT, sizeof *rows);
    if (views == NULL || rows == NULL) {
      code = catalogue_fail(CATALOGUE_FAILURE, "out of memory");
    } else {
      print_watched(&r, rows);
      memset(rows, 0, ROW_LIMIT * sizeof *rows);
      code = print_recommended(&r, views, rows);
    }
    free(views);
    free(rows);
  }
  s3rec_model_destroy(r.model);
  s3rec_dataset_destroy(r.dataset);
  s3rec_context_destroy(r.context);
  gen_catalogue_free(&r.catalogue);
  return code;
}
