/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec evaluate */
#include <inttypes.h>
#include <stdlib.h>

#include "data.h"
#include "items.h"
#include "output.h"
#include "popularity.h"
#include "print.h"
#include "session.h"

/* One line per user: the rank and, if users have names, a tab and the name. */
static int write_ranks(const char *path, const s3rec_dataset *dataset, const int64_t *ranks,
                       size_t count) {
  cli_output output;
  s3rec_vocabulary *users = NULL;
  const s3rec_status status = s3rec_dataset_user_names(dataset, &users);
  if (status != S3REC_OK) return cli_fail_status(status);
  int code = cli_output_open(path, &output);
  for (size_t i = 0; code == CLI_OK && i < count; i++) {
    const char *const name = cli_name_of(users, (int32_t)i);
    fprintf(output.stream, "%" PRId64 "%s", ranks[i], name == NULL ? "" : "\t");
    cli_write_field(output.stream, name == NULL ? "" : name);
    fputc('\n', output.stream);
  }
  if (code == CLI_OK) code = cli_output_commit(&output);
  s3rec_vocabulary_destroy(users);
  return code;
}

/* What is measured, and on which data. */
typedef struct evaluation {
  const cli_options *options;
  s3rec_context *context;
  s3rec_model *model; /* NULL: popularity */
  s3rec_dataset *dataset;
  json_t *events; /* what the event files held; NULL with --data */
} evaluation;

static int measure_data(const evaluation *e, s3rec_metrics *metrics, int64_t *ranks) {
  const cli_options *const options = e->options;
  if (e->model == NULL)
    return cli_popularity_evaluate(e->dataset, &options->evaluate, metrics, ranks);
  CLI_TRY(cli_check_fit(e->model, e->dataset, options->model, false));
  const s3rec_status status =
      s3rec_evaluate(e->model, e->dataset, &options->evaluate, metrics, ranks);
  return cli_check_status(status);
}

static void report_metrics(const evaluation *e, const s3rec_metrics *metrics) {
  const cli_options *const options = e->options;
  const char *const what = options->popularity ? "popularity" : options->model;
  if (options->json) {
    json_t *const object = cli_json_metrics(metrics);
    json_object_set_new(object, "model", json_string(what));
    json_object_set_new(object, "name", cli_json_text(cli_data_name(options)));
    if (e->events != NULL) json_object_set(object, "events", e->events);
    cli_json_print(object);
  } else {
    cli_print_metrics(metrics, what);
  }
}

static int evaluate_data(const evaluation *e) {
  const cli_options *const options = e->options;
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(e->dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  int64_t *const ranks = calloc(info.user_count, sizeof *ranks);
  if (ranks == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  int code = measure_data(e, &metrics, ranks);
  if (code == CLI_OK && options->ranks != NULL)
    code = write_ranks(options->ranks, e->dataset, ranks, info.user_count);
  if (code == CLI_OK) report_metrics(e, &metrics);
  free(ranks);
  return code;
}

static int check_ranks_file(const cli_options *options) {
  cli_place places[2 + CLI_LIST_LIMIT] = {{"model", options->model, CLI_READS},
                                          {"ranks", options->ranks, CLI_PAGE}};
  for (size_t i = 0; i < options->events.count; i++)
    places[2 + i] = (cli_place){"events", options->events.values[i], CLI_READS};
  return cli_check_places(options, places, 2 + options->events.count);
}

int cli_evaluate(cli_options *options) {
  evaluation e = {.options = options};
  const bool sampled = options->evaluate.protocol == S3REC_PROTOCOL_SAMPLED;
  int code = check_ranks_file(options);
  if (code == CLI_OK) code = cli_open_context(options, &e.context);
  if (code == CLI_OK && options->model != NULL)
    code = cli_open_model(options, e.context, options->model, CLI_READ_MODEL, &e.model);
  if (code == CLI_OK)
    code = cli_open_dataset(options, e.context, sampled ? CLI_NEGATIVES : CLI_SEQUENCES, e.model,
                            &e.events, &e.dataset);
  if (code == CLI_OK) code = cli_check_measurable(e.dataset, options);
  if (code == CLI_OK) code = evaluate_data(&e);
  json_decref(e.events);
  s3rec_dataset_destroy(e.dataset);
  s3rec_model_destroy(e.model);
  s3rec_context_destroy(e.context);
  return code;
}
