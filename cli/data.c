/* SPDX-License-Identifier: Apache-2.0 */
#include "data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

typedef s3rec_status (*read_function)(s3rec_events *events, const char *path,
                                      const s3rec_table_options *options,
                                      s3rec_table_report *report);

/* Sums over the files. */
typedef struct totals {
  size_t rows, bad_rows;
} totals;

/* "\t" is a tab, which is hard to type. */
static const char *plain_delimiter(const char *typed) {
  return typed != NULL && strcmp(typed, "\\t") == 0 ? "\t" : typed;
}

static int read_table_files(s3rec_events *events, const cli_list *files, read_function read,
                            const s3rec_table_options *how, totals *sums) {
  for (size_t i = 0; i < files->count; i++) {
    const char *const path = files->values[i];
    s3rec_table_report found;
    s3rec_table_report_init(&found);
    cli_show_reading(true); /* prints the number of rows and the columns */
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

static int read_event_tables(const cli_options *options, s3rec_events *events, totals *event_sums,
                             totals *attribute_sums) {
  s3rec_table_options how = options->table;
  how.bad_row_limit = (size_t)options->bad_rows;
  how.delimiter = plain_delimiter(options->table.delimiter);
  CLI_TRY(read_table_files(events, &options->events, s3rec_events_read, &how, event_sums));
  if (options->attribute_item_column != NULL) how.item_column = options->attribute_item_column;
  if (options->attribute_delimiter != NULL)
    how.delimiter = plain_delimiter(options->attribute_delimiter);
  return read_table_files(events, &options->attributes, s3rec_events_read_attributes, &how,
                          attribute_sums);
}

/* Adds ", COUNT what" to the text when there are any. */
static void append_count(char *text, size_t capacity, size_t count, const char *what) {
  const size_t length = strlen(text);
  if (count > 0)
    snprintf(text + length, capacity - length, "%s%zu %s", length == 0 ? "" : ", ", count, what);
}

static void remark_events(const cli_options *options, const s3rec_events_report *found,
                          const s3rec_dataset_info *info) {
  char left_out[320] = "", attributed[64] = "", low[64];
  snprintf(low, sizeof low, "below --min-value %g", options->selection.min_value);
  append_count(left_out, sizeof left_out, found->low_value_count, low);
  append_count(left_out, sizeof left_out, found->repeat_count, "repeats");
  append_count(left_out, sizeof left_out, found->unknown_count, "of items the model does not know");
  append_count(left_out, sizeof left_out, found->core_count, "outside the core");
  append_count(left_out, sizeof left_out, found->cut_count,
               "before the last --max-length of a user");
  append_count(left_out, sizeof left_out, found->short_count, "of users shorter than --min-length");
  if (options->attributes.count > 0)
    snprintf(attributed, sizeof attributed, ", %zu of them with attributes",
             found->attributed_item_count);
  cli_remark("%zu of %zu events kept: %zu users, %d items%s%s%s", found->kept_count,
             found->event_count, info->user_count, (int)info->item_size - 2, attributed,
             left_out[0] == '\0' ? "" : "; left out: ", left_out);
  if (found->unknown_count > 0)
    cli_remark(
        "warning: %zu events are left out: the model does not know their items. Train a new model "
        "to use them",
        found->unknown_count);
}

static json_t *list_file_paths(const cli_list *files) {
  json_t *const list = json_array();
  for (size_t i = 0; i < files->count; i++)
    json_array_append_new(list, cli_json_text(files->values[i]));
  return list;
}

static json_t *describe_events(const cli_options *options, const totals *events,
                               const totals *attributes, const s3rec_events_report *found) {
  return json_pack(
      "{s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files",
      list_file_paths(&options->events), "rows", (json_int_t)events->rows, "bad_rows",
      (json_int_t)events->bad_rows, "attribute_files", list_file_paths(&options->attributes),
      "attribute_rows", (json_int_t)attributes->rows, "bad_attribute_rows",
      (json_int_t)attributes->bad_rows, "low_value", (json_int_t)found->low_value_count, "repeats",
      (json_int_t)found->repeat_count, "unknown", (json_int_t)found->unknown_count, "core",
      (json_int_t)found->core_count, "cut", (json_int_t)found->cut_count, "short",
      (json_int_t)found->short_count, "kept", (json_int_t)found->kept_count, "attributed_items",
      (json_int_t)found->attributed_item_count);
}

/* Makes the dataset; with a model, its items and attributes have the model's ids. */
static int make_event_dataset(const cli_options *options, const s3rec_events *events,
                              const s3rec_model *model, s3rec_events_report *found,
                              s3rec_dataset **dataset) {
  s3rec_events_options how = options->selection;
  s3rec_status status = S3REC_OK;
  if (model != NULL) status = s3rec_model_item_names(model, &how.item_names);
  if (status == S3REC_OK && model != NULL)
    status = s3rec_model_attribute_names(model, &how.attribute_names);
  int code = cli_check_status(status);
  if (code == CLI_OK && model != NULL && how.item_names == NULL)
    code = cli_fail(CLI_BAD_DATA,
                    "%s: the model has no item names, because it was not trained from events; use "
                    "--data and --name",
                    options->resume != NULL ? options->resume : options->model);
  if (code == CLI_OK) {
    status = s3rec_events_dataset(events, &how, dataset, found);
    if (status != S3REC_OK) code = cli_fail_status(status);
  }
  s3rec_vocabulary_destroy(how.item_names);
  s3rec_vocabulary_destroy(how.attribute_names);
  return code;
}

static int read_event_dataset(const cli_options *options, s3rec_events *events,
                              const s3rec_model *model, json_t **description,
                              s3rec_dataset **dataset) {
  totals event_sums = {0}, attribute_sums = {0};
  s3rec_events_report found;
  s3rec_dataset_info info;
  s3rec_events_report_init(&found);
  s3rec_dataset_info_init(&info);
  s3rec_dataset *made = NULL;
  CLI_TRY(read_event_tables(options, events, &event_sums, &attribute_sums));
  CLI_TRY(make_event_dataset(options, events, model, &found, &made));
  const s3rec_status status = s3rec_dataset_info_get(made, &info);
  if (status != S3REC_OK) {
    s3rec_dataset_destroy(made);
    return cli_fail_status(status);
  }
  remark_events(options, &found, &info);
  if (description != NULL)
    *description = describe_events(options, &event_sums, &attribute_sums, &found);
  *dataset = made;
  return CLI_OK;
}

int cli_open_events(const cli_options *options, s3rec_context *context, const s3rec_model *model,
                    json_t **description, s3rec_dataset **dataset) {
  s3rec_events *events = NULL;
  const s3rec_status status = s3rec_events_create(context, &events);
  if (status != S3REC_OK) return cli_fail_status(status);
  const int code = read_event_dataset(options, events, model, description, dataset);
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

/* -- checks */

/* Of the items that occur in the sequences. */
typedef struct item_counts {
  size_t all, attributed;
} item_counts;

/* Marks the items that occur, and counts those that are new and have attributes. */
static s3rec_status count_user_items(const s3rec_dataset *dataset, size_t user, bool *occurs,
                                     item_counts *counts) {
  const int32_t *sequence, *attributes;
  size_t length, count;
  s3rec_status status = s3rec_dataset_user_items(dataset, user, &sequence, &length);
  for (size_t i = 0; status == S3REC_OK && i < length; i++) {
    if (occurs[sequence[i]]) continue;
    occurs[sequence[i]] = true;
    status = s3rec_dataset_item_attributes(dataset, sequence[i], &attributes, &count);
    counts->all++;
    counts->attributed += status == S3REC_OK && count > 0;
  }
  return status;
}

static int count_items_that_occur(const s3rec_dataset *dataset, const s3rec_dataset_info *info,
                                  item_counts *counts) {
  bool *const occurs = calloc((size_t)info->item_size, sizeof *occurs);
  if (occurs == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  s3rec_status status = S3REC_OK;
  for (size_t user = 0; status == S3REC_OK && user < info->user_count; user++)
    status = count_user_items(dataset, user, occurs, counts);
  free(occurs);
  return cli_check_status(status);
}

/* With a file for other items, hours of training would learn that no item has an attribute. */
static int check_attributes_fit(const cli_options *options, const item_counts *counts) {
  const bool events = options->events.count > 0;
  const char *const name = events ? options->attributes.values[0] : options->name;
  const char *const suffix = events ? "" : "_item2attributes.json";
  if (counts->attributed == 0)
    return cli_fail(CLI_BAD_DATA,
                    "%s%s: none of the data's %zu items has attributes. Give the file for these "
                    "items, or %s to continue without attributes",
                    name, suffix, counts->all, events ? "leave --attributes out" : "move it away");
  if (counts->attributed < counts->all - counts->all / 2)
    cli_remark(
        "warning: %s%s: %zu of the data's %zu items have attributes; the attribute objectives "
        "treat "
        "the other items as items without attributes",
        name, suffix, counts->attributed, counts->all);
  return CLI_OK;
}

int cli_check_items(const s3rec_dataset *dataset, const cli_options *options, bool has_attributes) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  item_counts counts = {0};
  CLI_TRY(count_items_that_occur(dataset, &info, &counts));
  const size_t ids = (size_t)info.item_size - 2;
  if (counts.all < ids - ids / 2 && options->events.count > 0)
    cli_remark(
        "warning: %zu of the model's %zu items occur in the events. The other items are ranked and "
        "recommended too",
        counts.all, ids);
  else if (counts.all < ids - ids / 2)
    cli_remark(
        "warning: %s.txt: %zu of the item ids 1..%zu occur. The other ids take memory, and they "
        "are "
        "ranked and recommended too. Number the items without gaps",
        options->name, counts.all, ids);
  return has_attributes && options->command->bit == CLI_PRETRAIN
             ? check_attributes_fit(options, &counts)
             : CLI_OK;
}

/* Whether the held-out item of the split also occurs before it. */
static bool answer_is_repeat(const int32_t *items, size_t length, s3rec_split split) {
  const size_t held_out = split == S3REC_SPLIT_VALID ? 2 : 1;
  if (length < 3) return false;
  for (size_t i = 0; i < length - held_out; i++)
    if (items[i] == items[length - held_out]) return true;
  return false;
}

/* Repeats limit how high the metrics can get, and the metrics do not show this limit. */
static void remark_repeats(const s3rec_dataset *dataset, const cli_options *options,
                           const char *file, size_t users) {
  const bool trains = options->command->bit == CLI_FINETUNE;
  const s3rec_split split = trains ? S3REC_SPLIT_TEST : options->evaluate.split;
  const int32_t *items;
  size_t length, count = 0;
  if (options->evaluate.protocol != S3REC_PROTOCOL_FULL ||
      options->evaluate.seen != S3REC_SEEN_EXCLUDE)
    return;
  for (size_t user = 0; s3rec_dataset_user_items(dataset, user, &items, &length) == S3REC_OK;
       user++)
    count += answer_is_repeat(items, length, split);
  if (count > 0)
    cli_remark(
        "warning: %s: %zu of the %zu measured users had their %s item before. It counts as missed, "
        "because items of the history are not recommended (--seen include recommends them)",
        file, count, users, split == S3REC_SPLIT_TEST ? "test" : "valid");
}

int cli_check_measurable(const s3rec_dataset *dataset, const cli_options *options) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  char file[512];
  cli_data_file(options, file, sizeof file);
  if (info.short_user_count < info.user_count) {
    remark_repeats(dataset, options, file, info.user_count - info.short_user_count);
    return CLI_OK;
  }
  return cli_fail(CLI_BAD_DATA, "%s: none of the %zu users has 3 items; evaluation needs 3", file,
                  info.user_count);
}
