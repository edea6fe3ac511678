/* SPDX-License-Identifier: Apache-2.0 */
#include "data_check.h"

#include <stdlib.h>

#include "event_data.h"

/* Of the items that occur in the sequences. */
typedef struct item_counts {
  size_t all, attributed;
} item_counts;

/* Marks the items that occur, and counts those that are new and have attributes. */
static s3rec_status count_user(const s3rec_dataset *dataset, size_t user, bool *occurs,
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

static int count_items(const s3rec_dataset *dataset, const s3rec_dataset_info *info,
                       item_counts *counts) {
  bool *const occurs = calloc((size_t)info->item_size, sizeof *occurs);
  if (occurs == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  s3rec_status status = S3REC_OK;
  for (size_t user = 0; status == S3REC_OK && user < info->user_count; user++)
    status = count_user(dataset, user, occurs, counts);
  free(occurs);
  return status == S3REC_OK ? CLI_OK : cli_fail_status(status);
}

/* A file for other items would be hours of learning that nothing has an attribute. */
static int check_attributes(const cli_options *options, const item_counts *counts) {
  const bool events = options->events.count > 0;
  const char *const name = events ? options->attributes.values[0] : options->name;
  const char *const suffix = events ? "" : "_item2attributes.json";
  if (counts->attributed == 0)
    return cli_fail(CLI_BAD_DATA,
                    "%s%s: none of the data's %zu items has attributes; take the file of these "
                    "items, or %s to go on without attributes",
                    name, suffix, counts->all, events ? "leave --attributes out" : "move it away");
  if (counts->attributed < counts->all - counts->all / 2)
    cli_remark(
        "warning: %s%s: %zu of the data's %zu items have attributes; to the attribute objectives "
        "the others are items with none",
        name, suffix, counts->attributed, counts->all);
  return CLI_OK;
}

int cli_check_items(const s3rec_dataset *dataset, const cli_options *options, bool has_attributes) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  item_counts counts = {0};
  CLI_TRY(count_items(dataset, &info, &counts));
  const size_t ids = (size_t)info.item_size - 2;
  if (counts.all < ids - ids / 2 && options->events.count > 0)
    cli_remark(
        "warning: %zu of the model's %zu items occur in the events; the others are ranked and "
        "recommended, too",
        counts.all, ids);
  else if (counts.all < ids - ids / 2)
    cli_remark(
        "warning: %s.txt: %zu of the item ids 1..%zu occur; the others take memory and are "
        "ranked and recommended, too: better number the items without gaps",
        options->name, counts.all, ids);
  return has_attributes && options->command->bit == CLI_PRETRAIN
             ? check_attributes(options, &counts)
             : CLI_OK;
}

/* Whether the answer of the split is in the history before it. */
static bool repeats(const int32_t *items, size_t length, s3rec_split split) {
  const size_t held_out = split == S3REC_SPLIT_VALID ? 2 : 1;
  if (length < 3) return false;
  for (size_t i = 0; i < length - held_out; i++)
    if (items[i] == items[length - held_out]) return true;
  return false;
}

/* Metrics of such data have a ceiling, which nothing in the figures shows. */
static void remark_repeats(const s3rec_dataset *dataset, const cli_options *options,
                           const char *file, size_t users) {
  const bool trains = options->command->bit == CLI_FINETUNE;
  const s3rec_split split = trains ? S3REC_SPLIT_TEST : options->evaluate.split;
  const int32_t *items;
  size_t length, count = 0;
  if (options->evaluate.protocol != S3REC_PROTOCOL_FULL ||
      options->evaluate.seen != S3REC_SEEN_EXCLUDE) return;
  for (size_t user = 0; s3rec_dataset_user_items(dataset, user, &items, &length) == S3REC_OK;
       user++)
    count += repeats(items, length, split);
  if (count > 0)
    cli_remark(
        "warning: %s: %zu of the %zu measured users had their %s item before: it counts as missed, "
        "as what was seen is not recommended (--seen include recommends it)",
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
  return cli_fail(CLI_BAD_DATA, "%s: none of the %zu users has the 3 items that measuring takes",
                  file, info.user_count);
}
