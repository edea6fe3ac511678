/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec evaluate */
#include <inttypes.h>
#include <stdlib.h>

#include "data_check.h"
#include "json_output.h"
#include "metrics_output.h"
#include "output_file.h"
#include "popularity.h"
#include "session.h"

static int write_ranks(const char *path, const int64_t *ranks, size_t count) {
  cli_output output;
  CLI_TRY(cli_output_open(path, &output));
  for (size_t i = 0; i < count; i++) fprintf(output.stream, "%" PRId64 "\n", ranks[i]);
  return cli_output_commit(&output);
}

static int measure(const cli_options *options, s3rec_context *context, const s3rec_dataset *dataset,
                   s3rec_metrics *metrics, int64_t *ranks) {
  if (options->popularity)
    return cli_popularity_evaluate(dataset, &options->evaluate, metrics, ranks);
  s3rec_model *model = NULL;
  CLI_TRY(cli_open_model(options, context, options->model, CLI_READ_MODEL, &model));
  int code = cli_check_fit(model, dataset, options->model, false);
  if (code == CLI_OK) {
    const s3rec_status status = s3rec_evaluate(model, dataset, &options->evaluate, metrics, ranks);
    if (status != S3REC_OK) code = cli_fail_status(status);
  }
  s3rec_model_destroy(model);
  return code;
}

static void report(const cli_options *options, const s3rec_metrics *metrics) {
  const char *const what = options->popularity ? "popularity" : options->model;
  if (options->json) {
    json_t *const object = cli_json_metrics(metrics);
    json_object_set_new(object, "model", json_string(what));
    json_object_set_new(object, "name", json_string(options->name));
    cli_json_print(object);
  } else {
    cli_print_metrics(metrics, what);
  }
}

static int run(const cli_options *options, s3rec_context *context, const s3rec_dataset *dataset) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  int64_t *const ranks = calloc(info.user_count, sizeof *ranks);
  if (ranks == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  s3rec_metrics metrics;
  s3rec_metrics_init(&metrics);
  int code = measure(options, context, dataset, &metrics, ranks);
  if (code == CLI_OK && options->ranks != NULL)
    code = write_ranks(options->ranks, ranks, info.user_count);
  if (code == CLI_OK) report(options, &metrics);
  free(ranks);
  return code;
}

int cli_evaluate(cli_options *options) {
  s3rec_context *context = NULL;
  s3rec_dataset *dataset = NULL;
  const bool sampled = options->evaluate.protocol == S3REC_PROTOCOL_SAMPLED;
  int code = cli_open_context(options, &context);
  if (code == CLI_OK)
    code = cli_open_dataset(options, context, sampled ? CLI_NEGATIVES : CLI_SEQUENCES, &dataset);
  if (code == CLI_OK) code = cli_check_measurable(dataset, options->name);
  if (code == CLI_OK) code = run(options, context, dataset);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return code;
}
