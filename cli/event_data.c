/* SPDX-License-Identifier: Apache-2.0 */
#include "event_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_output.h"
#include "session.h"

typedef s3rec_status (*read_function)(s3rec_events *events, const char *path,
                                      const s3rec_table_options *options,
                                      s3rec_table_report *report);

/* Sums over the files. */
typedef struct totals {
  size_t rows, bad_rows;
} totals;

/* A tab is hard to type. */
static const char *plain_delimiter(const char *typed) {
  return typed != NULL && strcmp(typed, "\\t") == 0 ? "\t" : typed;
}

static int read_files(s3rec_events *events, const cli_list *files, read_function read,
                      const s3rec_table_options *how, totals *sums) {
  for (size_t i = 0; i < files->count; i++) {
    const char *const path = files->values[i];
    s3rec_table_report found;
    s3rec_table_report_init(&found);
    cli_show_reading(true); /* says how many rows, and in which columns */
    const s3rec_status status = read(events, path, how, &found);
    cli_show_reading(false);
    if (status != S3REC_OK) return cli_fail_status(status);
    sums->rows += found.row_count;
    sums->bad_rows += found.bad_row_count;
    if (found.bad_row_count > 0)
      cli_remark("warning: %s: %zu bad row%s left out, the first in line %" PRIu64, path,
                 found.bad_row_count, found.bad_row_count == 1 ? "" : "s", found.first_bad_line);
  }
  return CLI_OK;
}

static int read_all(const cli_options *options, s3rec_events *events, totals *event_sums,
                    totals *attribute_sums) {
  s3rec_table_options how = options->table;
  how.bad_row_limit = (size_t)options->bad_rows;
  how.delimiter = plain_delimiter(options->table.delimiter);
  CLI_TRY(read_files(events, &options->events, s3rec_events_read, &how, event_sums));
  if (options->attribute_item_column != NULL) how.item_column = options->attribute_item_column;
  if (options->attribute_delimiter != NULL)
    how.delimiter = plain_delimiter(options->attribute_delimiter);
  return read_files(events, &options->attributes, s3rec_events_read_attributes, &how,
                    attribute_sums);
}

/* Adds ", COUNT what" to the text when there are any. */
static void tell(char *text, size_t capacity, size_t count, const char *what) {
  const size_t length = strlen(text);
  if (count > 0)
    snprintf(text + length, capacity - length, "%s%zu %s", length == 0 ? "" : ", ", count, what);
}

static void remark(const cli_options *options, const s3rec_events_report *found,
                   const s3rec_dataset_info *info) {
  char left_out[320] = "", attributed[64] = "", low[64];
  snprintf(low, sizeof low, "below --min-value %g", options->selection.min_value);
  tell(left_out, sizeof left_out, found->low_value_count, low);
  tell(left_out, sizeof left_out, found->repeat_count, "repeats");
  tell(left_out, sizeof left_out, found->unknown_count, "of items the model does not know");
  tell(left_out, sizeof left_out, found->core_count, "outside the core");
  tell(left_out, sizeof left_out, found->cut_count, "before the last --max-length of a user");
  tell(left_out, sizeof left_out, found->short_count, "of users shorter than --min-length");
  if (options->attributes.count > 0)
    snprintf(attributed, sizeof attributed, ", %zu of them with attributes",
             found->attributed_item_count);
  cli_remark("%zu of %zu events kept: %zu users, %d items%s%s%s", found->kept_count,
             found->event_count, info->user_count, (int)info->item_size - 2, attributed,
             left_out[0] == '\0' ? "" : "; left out: ", left_out);
  if (found->unknown_count > 0)
    cli_remark(
        "warning: %zu events are left out, as the model does not know their items; "
        "a model trained anew would",
        found->unknown_count);
}

static json_t *list_files(const cli_list *files) {
  json_t *const list = json_array();
  for (size_t i = 0; i < files->count; i++)
    json_array_append_new(list, cli_json_text(files->values[i]));
  return list;
}

static json_t *describe(const cli_options *options, const totals *events, const totals *attributes,
                        const s3rec_events_report *found) {
  return json_pack("{s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                   "files", list_files(&options->events), "rows", (json_int_t)events->rows,
                   "bad_rows", (json_int_t)events->bad_rows, "attribute_files",
                   list_files(&options->attributes), "attribute_rows", (json_int_t)attributes->rows,
                   "bad_attribute_rows", (json_int_t)attributes->bad_rows, "low_value",
                   (json_int_t)found->low_value_count, "repeats", (json_int_t)found->repeat_count,
                   "unknown", (json_int_t)found->unknown_count, "core",
                   (json_int_t)found->core_count, "cut", (json_int_t)found->cut_count, "short",
                   (json_int_t)found->short_count, "kept", (json_int_t)found->kept_count,
                   "attributed_items", (json_int_t)found->attributed_item_count);
}

/* The dataset, with the model's ids where there is one. */
static int make(const cli_options *options, const s3rec_events *events, const s3rec_model *model,
                s3rec_events_report *found, s3rec_dataset **dataset) {
  s3rec_events_options how = options->selection;
  s3rec_status status = S3REC_OK;
  if (model != NULL) status = s3rec_model_item_names(model, &how.item_names);
  if (status == S3REC_OK && model != NULL)
    status = s3rec_model_attribute_names(model, &how.attribute_names);
  int code = status == S3REC_OK ? CLI_OK : cli_fail_status(status);
  if (code == CLI_OK && model != NULL && how.item_names == NULL)
    code = cli_fail(CLI_BAD_DATA,
                    "%s: the model has no names of items, as it was not trained from events: it "
                    "needs --data and --name",
                    options->resume != NULL ? options->resume : options->model);
  if (code == CLI_OK) {
    status = s3rec_events_dataset(events, &how, dataset, found);
    if (status != S3REC_OK) code = cli_fail_status(status);
  }
  s3rec_vocabulary_destroy(how.item_names);
  s3rec_vocabulary_destroy(how.attribute_names);
  return code;
}

static int open_all(const cli_options *options, s3rec_events *events, const s3rec_model *model,
                    json_t **description, s3rec_dataset **dataset) {
  totals event_sums = {0}, attribute_sums = {0};
  s3rec_events_report found;
  s3rec_dataset_info info;
  s3rec_events_report_init(&found);
  s3rec_dataset_info_init(&info);
  s3rec_dataset *made = NULL;
  CLI_TRY(read_all(options, events, &event_sums, &attribute_sums));
  CLI_TRY(make(options, events, model, &found, &made));
  const s3rec_status status = s3rec_dataset_info_get(made, &info);
  if (status != S3REC_OK) {
    s3rec_dataset_destroy(made);
    return cli_fail_status(status);
  }
  remark(options, &found, &info);
  if (description != NULL) *description = describe(options, &event_sums, &attribute_sums, &found);
  *dataset = made;
  return CLI_OK;
}

int cli_open_events(const cli_options *options, s3rec_context *context, const s3rec_model *model,
                    json_t **description, s3rec_dataset **dataset) {
  s3rec_events *events = NULL;
  const s3rec_status status = s3rec_events_create(context, &events);
  if (status != S3REC_OK) return cli_fail_status(status);
  const int code = open_all(options, events, model, description, dataset);
  s3rec_events_destroy(events);
  return code;
}

void cli_data_file(const cli_options *options, char *text, size_t capacity) {
  const size_t more = options->events.count;
  if (more == 0)
    snprintf(text, capacity, "%s.txt", options->name);
  else if (more == 1)
    snprintf(text, capacity, "%s", options->events.values[0]);
  else
    snprintf(text, capacity, "%s and %zu more", options->events.values[0], more - 1);
}

const char *cli_data_name(const cli_options *options) {
  if (options->events.count == 0) return options->name;
  const char *const path = options->events.values[0], *const slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}
