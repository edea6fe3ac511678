/* SPDX-License-Identifier: Apache-2.0 */
/* The data files: numbered ones for the tool and, as the host of a streaming service would have
 * them, a log of events and a table of items. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "program.h"
#include "viewers.h"

enum {
  MINUTE = 60,
  HOUR = 3600,
  DAY = 86400,
  BEGIN_DAYS = 300, /* in which viewers join */
  PAUSE = 30        /* per cent: not on the same evening */
};
static const int64_t first_day = 1704067200; /* 2024-01-01 */

enum { SEQUENCES, ATTRIBUTES, SAMPLES, NAMES, EVENTS, EVENT_ITEMS, FILE_COUNT };
static const char *const suffixes[FILE_COUNT] = {
    ".txt", "_item2attributes.json", "_sample.txt", "_names.tsv", "_events.csv", "_attributes.csv"};

static void write_attributes(FILE *stream, const gen_catalogue *catalogue) {
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    int32_t attributes[GEN_ITEM_ATTRIBUTES];
    const int32_t count = gen_attributes(catalogue, id, attributes);
    fprintf(stream, "%s\"%" PRId32 "\": [", id == 1 ? "{" : ",\n ", id);
    for (int32_t i = 0; i < count; i++)
      fprintf(stream, "%s%" PRId32, i == 0 ? "" : ", ", attributes[i]);
    fputc(']', stream);
  }
  fputs("}\n", stream);
}

static void write_genres(FILE *stream, const gen_item *item, const char *separator) {
  for (int32_t g = 0; g < item->genre_count; g++)
    fprintf(stream, "%s%s", g == 0 ? "" : separator, gen_genre_names[item->genres[g]]);
}

static void write_names(FILE *stream, const gen_catalogue *catalogue) {
  fputs("id\ttitle\tyear\tkind\tgenres\tdirector\tseries\tpart\n", stream);
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    const gen_item *const item = &catalogue->items[id];
    fprintf(stream, "%" PRId32 "\t%s\t%" PRId32 "\t%s\t", id, item->title, item->year,
            gen_kind_names[item->kind]);
    write_genres(stream, item, ", ");
    fprintf(stream, "\t%s\t", catalogue->directors[item->director].name);
    if (item->series >= 0)
      fprintf(stream, "%s\t%" PRId32, catalogue->series[item->series].title, item->part);
    else
      fputc('\t', stream);
    fputc('\n', stream);
  }
}

/* "The Glass Migration", item 11, is the-glass-migration-11: one word that needs no quotes on a
 * command line, and a different one for each item. */
static void write_item_word(FILE *stream, const gen_catalogue *catalogue, int32_t id) {
  bool gap = false;
  for (const char *c = catalogue->items[id].title; *c != '\0'; c++) {
    const bool capital = *c >= 'A' && *c <= 'Z';
    const bool kept = capital || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');
    if (kept && gap) fputc('-', stream);
    if (kept) fputc(capital ? *c - 'A' + 'a' : *c, stream);
    if (*c != '\'') gap = !kept;
  }
  fprintf(stream, "-%" PRId32, id);
}

/* What NAME_item2attributes.json says, in words. */
static void write_event_items(FILE *stream, const gen_catalogue *catalogue) {
  fputs("item,genre,kind,decade,director,series\n", stream);
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    const gen_item *const item = &catalogue->items[id];
    write_item_word(stream, catalogue, id);
    fputc(',', stream);
    write_genres(stream, item, "|");
    fprintf(stream, ",%s,%ds,%s,", gen_kind_names[item->kind],
            GEN_FIRST_YEAR + 10 * (int)gen_decade(item), catalogue->directors[item->director].name);
    if (item->series >= 0) fprintf(stream, "\"%s\"", catalogue->series[item->series].title);
    fputc('\n', stream);
  }
}

/* A row for each view of a viewer, oldest first; times and ratings come from the seed. */
static void write_events(FILE *stream, uint64_t seed, const gen_catalogue *catalogue, int32_t user,
                         const int32_t *history, int32_t count) {
  gen_random random = gen_stream(seed, GEN_TIMES, (uint64_t)user);
  /* One draw per statement: C does not define the order of the operands of +. */
  const int64_t day = (int64_t)gen_below(&random, BEGIN_DAYS);
  int64_t seconds = first_day + day * DAY + (int64_t)gen_below(&random, DAY);
  for (int32_t i = 0; i < count; i++) {
    const time_t moment = (time_t)seconds;
    struct tm date;
    char text[32];
    gmtime_r(&moment, &date);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &date);
    const uint32_t a = gen_below(&random, 5), b = gen_below(&random, 5);
    fprintf(stream, "viewer-%" PRId32 ",", user);
    write_item_word(stream, catalogue, history[i]);
    fprintf(stream, ",%s,%" PRIu32 "\n", text, 1 + (a > b ? a : b)); /* few are bad */
    seconds += HOUR + MINUTE * (int64_t)gen_below(&random, 90);
    if (gen_chance(&random, PAUSE)) seconds += DAY * (int64_t)(1 + gen_below(&random, 6));
  }
}

static void write_ids(FILE *stream, int32_t user, const int32_t *ids, int32_t count) {
  fprintf(stream, "%" PRId32, user);
  for (int32_t i = 0; i < count; i++) fprintf(stream, " %" PRId32, ids[i]);
  fputc('\n', stream);
}

/* Writes the files of the viewers; returns the number of views. */
static int64_t write_viewers(FILE *const streams[FILE_COUNT], const catalogue_options *options,
                             const gen_catalogue *catalogue, gen_viewers *viewers) {
  int64_t views = 0;
  if (options->events) fputs("user,item,timestamp,rating\n", streams[EVENTS]);
  for (int32_t user = 1; user <= options->users; user++) {
    int32_t history[GEN_LONGEST_HISTORY], negatives[GEN_NEGATIVE_COUNT];
    const int32_t length = gen_viewers_history(viewers, (uint64_t)user, history);
    gen_viewers_negatives(viewers, (uint64_t)user, negatives);
    write_ids(streams[SEQUENCES], user, history, length);
    write_ids(streams[SAMPLES], user, negatives, GEN_NEGATIVE_COUNT);
    if (options->events)
      write_events(streams[EVENTS], options->seed, catalogue, user, history, length);
    views += length;
  }
  return views;
}

static int open_files(const catalogue_options *options, FILE *streams[FILE_COUNT]) {
  if (mkdir(options->data, 0777) != 0 && errno != EEXIST)
    return catalogue_fail(CATALOGUE_FAILURE, "%s: folder cannot be made: %s", options->data,
                          strerror(errno));
  for (int i = 0; i < (options->events ? FILE_COUNT : EVENTS); i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", options->data, options->name, suffixes[i]);
    streams[i] = fopen(path, "w");
    if (streams[i] == NULL)
      return catalogue_fail(CATALOGUE_FAILURE, "%s: cannot be written: %s", path, strerror(errno));
  }
  return CATALOGUE_OK;
}

static int close_files(const catalogue_options *options, FILE *streams[FILE_COUNT], int code) {
  for (int i = 0; i < FILE_COUNT; i++) {
    if (streams[i] == NULL) continue;
    const bool failed = ferror(streams[i]) != 0;
    if ((fclose(streams[i]) != 0 || failed) && code == CATALOGUE_OK)
      code = catalogue_fail(CATALOGUE_FAILURE, "%s/%s%s: cannot be written", options->data,
                            options->name, suffixes[i]);
  }
  return code;
}

int catalogue_generate(const catalogue_options *options) {
  gen_catalogue catalogue;
  if (!gen_catalogue_make(options->seed, options->items, &catalogue))
    return catalogue_fail(CATALOGUE_FAILURE, "out of memory");
  gen_viewers *const viewers = gen_viewers_make(options->seed, &catalogue);
  FILE *streams[FILE_COUNT] = {NULL};
  int64_t views = 0;
  int code = viewers == NULL ? catalogue_fail(CATALOGUE_FAILURE, "out of memory")
                             : open_files(options, streams);
  if (code == CATALOGUE_OK) {
    views = write_viewers(streams, options, &catalogue, viewers);
    write_attributes(streams[ATTRIBUTES], &catalogue);
    write_names(streams[NAMES], &catalogue);
    if (options->events) write_event_items(streams[EVENT_ITEMS], &catalogue);
  }
  code = close_files(options, streams, code);
  if (code == CATALOGUE_OK)
    printf("%s/%s: %" PRId32 " viewers, %" PRId32 " items, %" PRId64 " views, %" PRId32
           " directors, %" PRId32 " series (seed %" PRIu64 ")\n",
           options->data, options->name, options->users, catalogue.item_count, views,
           catalogue.director_count, catalogue.series_count, options->seed);
  gen_viewers_free(viewers);
  gen_catalogue_free(&catalogue);
  return code;
}
