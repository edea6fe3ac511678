/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "output.h"

int cli_open_context(const cli_options *options, s3rec_context **context) {
  s3rec_context_options choices = options->context;
  choices.log = cli_print_log;
  s3rec_limits limits;
  (options->strict_limits ? s3rec_limits_init_strict : s3rec_limits_init)(&limits);
  choices.limits = &limits;
  const s3rec_status status = s3rec_context_create(&choices, context);
  return cli_check_status(status);
}

static int open_data_files(const cli_options *options, s3rec_context *context, int parts,
                           s3rec_dataset **dataset) {
  char *const sequences = cli_path(options->data, options->name, ".txt");
  char *attributes = cli_path(options->data, options->name, "_item2attributes.json");
  char *const negatives = cli_path(options->data, options->name, "_sample.txt");
  int code = CLI_OK;
  if (sequences == NULL || attributes == NULL || negatives == NULL) {
    code = cli_fail(CLI_FAILURE, "out of memory");
  } else {
    bool use_attributes = (parts & CLI_ATTRIBUTES) != 0;
    if (use_attributes && access(attributes, F_OK) != 0) {
      cli_remark("%s does not exist: training without item attributes", attributes);
      use_attributes = false;
    }
    const s3rec_status status =
        s3rec_dataset_load(context, sequences, use_attributes ? attributes : NULL,
                           parts & CLI_NEGATIVES ? negatives : NULL, dataset);
    if (status != S3REC_OK) code = cli_fail_status(status);
    if (code == CLI_OK && (options->command->bit & (CLI_PRETRAIN | CLI_FINETUNE)) != 0)
      code = cli_check_items(*dataset, options, use_attributes);
  }
  free(sequences);
  free(attributes);
  free(negatives);
  return code;
}

int cli_open_dataset(const cli_options *options, s3rec_context *context, int parts,
                     const s3rec_model *model, json_t **description, s3rec_dataset **dataset) {
  const unsigned bit = options->command->bit;
  if (description != NULL) *description = NULL;
  if (options->events.count == 0) return open_data_files(options, context, parts, dataset);
  if (parts & CLI_NEGATIVES)
    return cli_usage(
        options,
        "--%s sampled needs --data and --name: it uses the negatives in NAME_sample.txt, "
        "and events have no negatives",
        bit == CLI_EVALUATE ? "protocol" : "stop-protocol");
  if (bit == CLI_PRETRAIN && options->attributes.count == 0)
    cli_remark("no --attributes: training without item attributes");
  CLI_TRY(cli_open_events(options, context, model, description, dataset));
  if ((bit & (CLI_PRETRAIN | CLI_FINETUNE)) == 0) return CLI_OK;
  return cli_check_items(*dataset, options, options->attributes.count > 0);
}

/* Compares the network options on the command line with the file's. */
static int check_network_options(const cli_options *options, const s3rec_model_config *config,
                                 const char *path, bool may_drop) {
  cli_options loaded = *options;
  loaded.config = *config;
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    const bool network = option->offset >= offsetof(cli_options, config) &&
                         option->offset < offsetof(cli_options, config) + sizeof *config;
    if (!options->given[i] || !network) continue;
    if (may_drop && strstr(option->name, "dropout") != NULL) continue;
    char wanted[64], found[64];
    cli_option_print(option, options, wanted, sizeof wanted);
    cli_option_print(option, &loaded, found, sizeof found);
    if (strcmp(wanted, found) != 0)
      return cli_usage(options, "--%s is %s, but the model in %s has %s", option->name, wanted,
                       path, found);
  }
  return CLI_OK;
}

int cli_open_model(const cli_options *options, s3rec_context *context, const char *path,
                   cli_model_use use, s3rec_model **model) {
  s3rec_model_config fallback = options->config;
  s3rec_model *opened = NULL;
  s3rec_status status = use == CLI_READ_MODEL ? s3rec_model_map(context, path, &fallback, &opened)
                                              : s3rec_model_load(context, path, &fallback, &opened);
  if (status != S3REC_OK) return cli_fail_status(status);
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  status = s3rec_model_config_get(opened, &config);
  const int code = status == S3REC_OK
                       ? check_network_options(options, &config, path, use == CLI_TRAIN_MODEL)
                       : cli_fail_status(status);
  if (code != CLI_OK) {
    s3rec_model_destroy(opened);
    return code;
  }
  *model = opened;
  return CLI_OK;
}

int cli_check_fit(const s3rec_model *model, const s3rec_dataset *dataset, const char *path,
                  bool with_attributes) {
  s3rec_model_config config;
  s3rec_dataset_info info;
  s3rec_model_config_init(&config);
  s3rec_dataset_info_init(&info);
  s3rec_status status = s3rec_model_config_get(model, &config);
  if (status == S3REC_OK) status = s3rec_dataset_info_get(dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  if (info.item_size > config.item_size)
    return cli_fail(CLI_BAD_DATA,
                    "%s: the model knows items 1..%" PRId32 ", the data has items up to %" PRId32,
                    path, config.item_size - 2, info.item_size - 2);
  if (with_attributes && info.attribute_size > config.attribute_size)
    return cli_fail(CLI_BAD_DATA,
                    "%s: the model knows attributes 0..%" PRId32
                    ", the data has attributes up to %" PRId32,
                    path, config.attribute_size - 1, info.attribute_size - 1);
  return CLI_OK;
}
