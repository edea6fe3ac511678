/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec convert: writes events in the files of the authors' code, with tables of the names. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "data.h"
#include "items.h"
#include "output.h"
#include "print.h"
#include "session.h"

typedef struct conversion {
  const cli_options *options;
  s3rec_context *context;
  s3rec_model *model; /* NULL: the ids are new */
  s3rec_dataset *dataset;
  s3rec_dataset_info info;
  json_t *events; /* what the files held */
  s3rec_vocabulary *items, *users, *attributes;
} conversion;

typedef s3rec_status (*write_function)(const conversion *c, FILE *stream);

static s3rec_status write_sequences(const conversion *c, FILE *stream) {
  for (size_t user = 0; user < c->info.user_count; user++) {
    const int32_t *items;
    size_t count;
    const s3rec_status status = s3rec_dataset_user_items(c->dataset, user, &items, &count);
    if (status != S3REC_OK) return status;
    fprintf(stream, "%zu", user + 1);
    for (size_t i = 0; i < count; i++) fprintf(stream, " %" PRId32, items[i]);
    fputc('\n', stream);
  }
  return S3REC_OK;
}

static s3rec_status write_item_attributes(const conversion *c, FILE *stream) {
  for (int32_t item = 1; item <= c->info.item_size - 2; item++) {
    const int32_t *attributes;
    size_t count;
    const s3rec_status status =
        s3rec_dataset_item_attributes(c->dataset, item, &attributes, &count);
    if (status != S3REC_OK) return status;
    fprintf(stream, "%s\"%" PRId32 "\": [", item == 1 ? "{" : ",\n ", item);
    for (size_t i = 0; i < count; i++)
      fprintf(stream, "%s%" PRId32, i == 0 ? "" : ", ", attributes[i]);
    fputc(']', stream);
  }
  fputs("}\n", stream);
  return S3REC_OK;
}

/* The ids are those of the other files; the id of a user is the line in NAME.txt. */
static s3rec_status write_name_table(const s3rec_vocabulary *names, int32_t first, FILE *stream) {
  fputs("id\tname\n", stream);
  for (size_t i = 0; i < s3rec_vocabulary_count(names); i++) {
    fprintf(stream, "%" PRId32 "\t", first + (int32_t)i);
    cli_write_field(stream, cli_name_of(names, s3rec_vocabulary_first_id(names) + (int32_t)i));
    fputc('\n', stream);
  }
  return S3REC_OK;
}

static s3rec_status write_item_names(const conversion *c, FILE *stream) {
  return write_name_table(c->items, 1, stream);
}

static s3rec_status write_user_names(const conversion *c, FILE *stream) {
  return write_name_table(c->users, 1, stream);
}

static s3rec_status write_attribute_names(const conversion *c, FILE *stream) {
  return write_name_table(c->attributes, 0, stream);
}

/* The last two files are written only with attributes. */
enum { FILE_COUNT = 5, WITHOUT_ATTRIBUTES = FILE_COUNT - 2 };
static const char *const suffixes[FILE_COUNT] = {".txt", "_items.tsv", "_users.tsv",
                                                 "_item2attributes.json", "_attributes.tsv"};
static const write_function writers[FILE_COUNT] = {write_sequences, write_item_names,
                                                   write_user_names, write_item_attributes,
                                                   write_attribute_names};

static int write_data_file(const conversion *c, int file, cli_output *output) {
  char *const path = cli_path(c->options->data, c->options->name, suffixes[file]);
  if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const int code = cli_output_open(path, output);
  free(path);
  CLI_TRY(code);
  const s3rec_status status = writers[file](c, output->stream);
  return cli_check_status(status);
}

/* Writes all files under other names before the first one gets its own name. */
static int write_data_files(const conversion *c) {
  const int count = c->attributes == NULL ? WITHOUT_ATTRIBUTES : FILE_COUNT;
  cli_output outputs[FILE_COUNT] = {{0}};
  int code = CLI_OK;
  for (int i = 0; i < count && code == CLI_OK; i++) code = write_data_file(c, i, &outputs[i]);
  for (int i = 0; i < count && code == CLI_OK; i++) code = cli_output_commit(&outputs[i]);
  for (int i = 0; i < count; i++) cli_output_discard(&outputs[i]);
  return code;
}

static void report_conversion(const conversion *c) {
  const cli_options *const options = c->options;
  const size_t attribute_count = s3rec_vocabulary_count(c->attributes);
  if (options->json)
    cli_json_print(json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:O}", "data",
                             cli_json_text(options->data), "name", cli_json_text(options->name),
                             "users", (json_int_t)c->info.user_count, "items",
                             (json_int_t)s3rec_vocabulary_count(c->items), "interactions",
                             (json_int_t)c->info.interaction_count, "attributes",
                             (json_int_t)attribute_count, "events", c->events));
  else
    printf("%s/%s: %zu users, %zu items, %zu interactions, %zu attributes\n", options->data,
           options->name, c->info.user_count, s3rec_vocabulary_count(c->items),
           c->info.interaction_count, attribute_count);
}

static int convert_events(conversion *c) {
  const cli_options *const options = c->options;
  CLI_TRY(cli_open_context(options, &c->context));
  if (options->model != NULL)
    CLI_TRY(cli_open_model(options, c->context, options->model, CLI_READ_MODEL, &c->model));
  CLI_TRY(cli_open_dataset(options, c->context, CLI_ATTRIBUTES, c->model, &c->events, &c->dataset));
  s3rec_status status = s3rec_dataset_info_get(c->dataset, &c->info);
  if (status == S3REC_OK) status = s3rec_dataset_item_names(c->dataset, &c->items);
  if (status == S3REC_OK) status = s3rec_dataset_user_names(c->dataset, &c->users);
  if (status == S3REC_OK) status = s3rec_dataset_attribute_names(c->dataset, &c->attributes);
  if (status != S3REC_OK) return cli_fail_status(status);
  CLI_TRY(write_data_files(c));
  report_conversion(c);
  return CLI_OK;
}

int cli_convert(cli_options *options) {
  conversion c = {.options = options};
  s3rec_dataset_info_init(&c.info);
  bool made;
  const size_t count = options->attributes.count == 0 ? WITHOUT_ATTRIBUTES : FILE_COUNT;
  int code = cli_check_data_folder(options, suffixes, count, &made);
  if (code == CLI_OK) code = convert_events(&c);
  if (code != CLI_OK && made) rmdir(options->data);
  s3rec_vocabulary_destroy(c.items);
  s3rec_vocabulary_destroy(c.users);
  s3rec_vocabulary_destroy(c.attributes);
  json_decref(c.events);
  s3rec_dataset_destroy(c.dataset);
  s3rec_model_destroy(c.model);
  s3rec_context_destroy(c.context);
  return code;
}
