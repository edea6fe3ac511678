/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec generate: a synthetic streaming catalogue in the reference's formats. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "generate/event_log.h"
#include "generate/viewers.h"
#include "json_output.h"
#include "output.h"

/* Attribute ids in one range, from 1: genres, kinds, decades, directors, series. */
enum {
  ATTRIBUTE_KIND = 1 + GEN_GENRE_COUNT,
  ATTRIBUTE_DECADE = ATTRIBUTE_KIND + GEN_KIND_COUNT,
  ATTRIBUTE_DIRECTOR = ATTRIBUTE_DECADE + GEN_DECADE_COUNT
};

static void write_attributes(const gen_catalogue *catalogue, FILE *stream) {
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    const gen_item *const item = &catalogue->items[id];
    fprintf(stream, "%s\"%" PRId32 "\": [", id == 1 ? "{" : ",\n ", id);
    for (int32_t g = 0; g < item->genre_count; g++)
      fprintf(stream, "%" PRId32 ", ", 1 + item->genres[g]);
    fprintf(stream, "%d, %" PRId32 ", %" PRId32, ATTRIBUTE_KIND + (int)item->kind,
            ATTRIBUTE_DECADE + gen_decade(item), ATTRIBUTE_DIRECTOR + item->director);
    if (item->series >= 0)
      fprintf(stream, ", %" PRId32, ATTRIBUTE_DIRECTOR + catalogue->director_count + item->series);
    fputc(']', stream);
  }
  fputs("}\n", stream);
}

static void write_names(const gen_catalogue *catalogue, FILE *stream) {
  fputs("id\ttitle\tyear\tkind\tgenres\tdirector\tseries\tpart\n", stream);
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    const gen_item *const item = &catalogue->items[id];
    fprintf(stream, "%" PRId32 "\t%s\t%" PRId32 "\t%s\t", id, item->title, item->year,
            gen_kind_names[item->kind]);
    for (int32_t g = 0; g < item->genre_count; g++)
      fprintf(stream, "%s%s", g == 0 ? "" : ", ", gen_genre_names[item->genres[g]]);
    fprintf(stream, "\t%s\t", catalogue->directors[item->director].name);
    if (item->series >= 0)
      fprintf(stream, "%s\t%" PRId32, catalogue->series[item->series].title, item->part);
    else
      fputc('\t', stream);
    fputc('\n', stream);
  }
}

static void write_ids(FILE *stream, int32_t user, const int32_t *ids, int32_t count) {
  fprintf(stream, "%" PRId32, user);
  for (int32_t i = 0; i < count; i++) fprintf(stream, " %" PRId32, ids[i]);
  fputc('\n', stream);
}

enum { SEQUENCES, ATTRIBUTES, SAMPLES, NAMES, EVENTS, EVENT_ITEMS, FILE_COUNT };
static const char *const suffixes[FILE_COUNT] = {
    ".txt", "_item2attributes.json", "_sample.txt", "_names.tsv", "_events.csv", "_attributes.csv"};

static int file_count(const cli_options *options) {
  return options->write_events ? FILE_COUNT : EVENTS;
}

/* Writes the files of the viewers; returns the number of views. */
static int64_t write_viewers(const cli_options *options, const gen_catalogue *catalogue,
                             gen_viewers *viewers, const cli_output outputs[FILE_COUNT]) {
  int64_t views = 0;
  for (int32_t user = 1; user <= options->users; user++) {
    int32_t history[GEN_LONGEST_HISTORY], negatives[GEN_NEGATIVE_COUNT];
    const int32_t length = gen_viewers_history(viewers, (uint64_t)user, history);
    gen_viewers_negatives(viewers, (uint64_t)user, negatives);
    write_ids(outputs[SEQUENCES].stream, user, history, length);
    write_ids(outputs[SAMPLES].stream, user, negatives, GEN_NEGATIVE_COUNT);
    if (options->write_events)
      gen_event_log_viewer(outputs[EVENTS].stream, options->seed, catalogue, user, history, length);
    views += length;
  }
  return views;
}

static void report(const cli_options *options, const gen_catalogue *catalogue, int64_t views) {
  if (options->json) {
    json_t *const object = json_object();
    json_object_set_new(object, "data", json_string(options->data));
    json_object_set_new(object, "name", json_string(options->name));
    json_object_set_new(object, "seed", cli_json_uint64(options->seed));
    json_object_set_new(object, "users", json_integer(options->users));
    json_object_set_new(object, "items", json_integer(catalogue->item_count));
    json_object_set_new(object, "views", json_integer(views));
    json_object_set_new(object, "directors", json_integer(catalogue->director_count));
    json_object_set_new(object, "series", json_integer(catalogue->series_count));
    cli_json_print(object);
    return;
  }
  printf("%s/%s: %" PRId32 " viewers, %" PRId32 " items, %" PRId64 " views, %" PRId32
         " directors, %" PRId32 " series (seed %" PRIu64 ")\n",
         options->data, options->name, options->users, catalogue->item_count, views,
         catalogue->director_count, catalogue->series_count, options->seed);
}

static int write_all(const cli_options *options, const gen_catalogue *catalogue,
                     gen_viewers *viewers, cli_output outputs[FILE_COUNT]) {
  for (int i = 0; i < file_count(options); i++) {
    char *const path = cli_path(options->data, options->name, suffixes[i]);
    if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
    const int code = cli_output_open(path, &outputs[i]);
    free(path);
    CLI_TRY(code);
  }
  if (options->write_events)
    gen_event_log_begin(outputs[EVENTS].stream, outputs[EVENT_ITEMS].stream);
  const int64_t views = write_viewers(options, catalogue, viewers, outputs);
  write_attributes(catalogue, outputs[ATTRIBUTES].stream);
  write_names(catalogue, outputs[NAMES].stream);
  if (options->write_events) gen_event_log_items(outputs[EVENT_ITEMS].stream, catalogue);
  for (int i = 0; i < file_count(options); i++) CLI_TRY(cli_output_commit(&outputs[i]));
  report(options, catalogue, views);
  return CLI_OK;
}

int cli_generate(cli_options *options) {
  bool made;
  CLI_TRY(cli_check_data_folder(options, suffixes, (size_t)file_count(options), &made));
  gen_catalogue catalogue;
  if (!gen_catalogue_make(options->seed, options->items, &catalogue))
    return cli_fail(CLI_FAILURE, "out of memory");
  gen_viewers *const viewers = gen_viewers_make(options->seed, &catalogue);
  cli_output outputs[FILE_COUNT] = {{0}};
  const int code = viewers == NULL ? cli_fail(CLI_FAILURE, "out of memory")
                                   : write_all(options, &catalogue, viewers, outputs);
  for (int i = 0; i < FILE_COUNT; i++) cli_output_discard(&outputs[i]);
  if (code != CLI_OK && made) rmdir(options->data);
  gen_viewers_free(viewers);
  gen_catalogue_free(&catalogue);
  return code;
}
