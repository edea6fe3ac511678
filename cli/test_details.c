/* SPDX-License-Identifier: Apache-2.0 */
#include "test_details.h"

#include <stdlib.h>

#include "breakdown.h"
#include "example_users.h"
#include "output_file.h"
#include "popularity.h"

static int add_groups(const cli_training *training, const int64_t *ranks, size_t user_count,
                      json_t *done) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(training->dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  int64_t *const counts = cli_popularity_count(training->dataset, info.item_size);
  if (counts == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  json_object_set_new(done, "by_history_length",
                      cli_by_history_length(training->dataset, ranks, user_count));
  json_object_set_new(done, "by_popularity",
                      cli_by_popularity(training->dataset, counts, ranks, user_count));
  free(counts);
  return CLI_OK;
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
  char *const path = cli_path(options->data, options->name, "_names.tsv");
  if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  int code = cli_names_load(path, &source.names);
  free(path);
  json_t *examples = NULL;
  if (code == CLI_OK) code = cli_example_users(&source, &examples);
  if (code == CLI_OK) json_object_set(done, "examples", examples);
  json_decref(examples);
  cli_names_free(&source.names);
  return code;
}
