/* SPDX-License-Identifier: Apache-2.0 */
#include "test_details.h"

#include <stdlib.h>

#include "breakdown.h"
#include "example_users.h"
#include "output.h"
#include "popularity.h"

static int add_groups(const cli_training *training, const int64_t *ranks, size_t user_count,
                      json_t *done) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(training->dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  int64_t *const counts = cli_popularity_count(training->dataset, info.item_size,
                                               training->options->run.held_out_count == CLI_REFIT_VALID ? 1 : 2);
  if (counts == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  json_object_set_new(done, "by_history_length",
                      cli_by_history_length(training->dataset, ranks, user_count));
  json_object_set_new(done, "by_popularity",
                      cli_by_popularity(training->dataset, counts, ranks, user_count));
  free(counts);
  return CLI_OK;
}

/* Events have names themselves, a catalogue of files may be beside --data. */
static int load_names(const cli_options *options, cli_example_source *source) {
  s3rec_status status = s3rec_dataset_item_names(source->dataset, &source->item_names);
  if (status == S3REC_OK) status = s3rec_dataset_user_names(source->dataset, &source->user_names);
  if (status == S3REC_OK)
    status = s3rec_dataset_attribute_names(source->dataset, &source->attribute_names);
  if (status != S3REC_OK) return cli_fail_status(status);
  if (options->data == NULL) return CLI_OK;
  char *const path = cli_path(options->data, options->name, "_names.tsv");
  if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const int code = cli_names_load(path, &source->names);
  free(path);
  return code;
}

int cli_test_details(const cli_training *training, s3rec_model *model, const int64_t *ranks,
                     size_t user_count, json_t *done) {
  const cli_options *const options = training->options;
  CLI_TRY(add_groups(training, ranks, user_count, done));
  cli_example_source source = {.model = model,
                               .dataset = training->dataset,
                               .ranks = ranks,
                               .user_count = user_count,
                               .include_history = options->evaluate.seen == S3REC_SEEN_INCLUDE};
  int code = load_names(options, &source);
  json_t *examples = NULL;
  if (code == CLI_OK) code = cli_example_users(&source, &examples);
  if (code == CLI_OK) json_object_set(done, "examples", examples);
  json_decref(examples);
  cli_names_free(&source.names);
  s3rec_vocabulary_destroy(source.item_names);
  s3rec_vocabulary_destroy(source.user_names);
  s3rec_vocabulary_destroy(source.attribute_names);
  return code;
}
