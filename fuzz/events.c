/* SPDX-License-Identifier: Apache-2.0 */
/* The input is an event log (table_input.h). Datasets are made of it; the same events as arrays,
 * by the names of the dataset, and in two files make the same dataset. */
#include <stdlib.h>
#include <string.h>

#include "table_input.h"

static s3rec_events *new_table(s3rec_context *context) {
  s3rec_events *events;
  fuzz_ok(s3rec_events_create(context, &events));
  return events;
}

/* NULL when nothing is left. */
static s3rec_dataset *select_events(const s3rec_events *events, const s3rec_events_options *options,
                                    size_t row_count) {
  s3rec_events_report report;
  s3rec_dataset *dataset = NULL;
  s3rec_dataset_info info;
  s3rec_events_report_init(&report);
  s3rec_dataset_info_init(&info);
  if (!fuzz_succeeds(s3rec_events_dataset(events, options, &dataset, &report))) {
    fuzz_claim(dataset == NULL, "a failure changed the dataset");
    return NULL;
  }
  fuzz_ok(s3rec_dataset_info_get(dataset, &info));
  fuzz_claim(report.event_count == row_count, "%zu events of %zu rows", report.event_count,
             row_count);
  fuzz_claim(report.event_count == report.low_value_count + report.repeat_count +
                                       report.unknown_count + report.core_count +
                                       report.cut_count + report.short_count + report.kept_count,
             "the counts of %zu events do not add up", report.event_count);
  fuzz_claim(report.kept_count == info.interaction_count, "%zu events kept, %zu in the dataset",
             report.kept_count, info.interaction_count);
  check_dataset(dataset);
  return dataset;
}

/* The sequences as arrays of names, with the numbers of items as they are. */
static void append_again(s3rec_context *context, const s3rec_dataset *dataset,
                         const s3rec_events_options *options, uint64_t fingerprint) {
  s3rec_dataset_info info;
  s3rec_vocabulary *users, *items;
  s3rec_dataset_info_init(&info);
  fuzz_ok(s3rec_dataset_info_get(dataset, &info));
  fuzz_ok(s3rec_dataset_user_names(dataset, &users));
  fuzz_ok(s3rec_dataset_item_names(dataset, &items));
  s3rec_events *const events = new_table(context);
  for (size_t user = 0; user < info.user_count; user++) {
    const int32_t *ids;
    const char *user_name, *item_name;
    size_t count, user_length, item_length;
    fuzz_ok(s3rec_dataset_user_items(dataset, user, &ids, &count));
    fuzz_ok(s3rec_vocabulary_name(users, (int32_t)user, &user_name, &user_length));
    for (size_t i = 0; i < count; i++) {
      fuzz_ok(s3rec_vocabulary_name(items, ids[i], &item_name, &item_length));
      const s3rec_id_array user_ids = {.text = user_name,
                                       .offsets = (int64_t[]){0, (int64_t)user_length}};
      const s3rec_id_array item_ids = {.text = item_name,
                                       .offsets = (int64_t[]){0, (int64_t)item_length}};
      fuzz_ok(s3rec_events_append(events, 1, &user_ids, &item_ids, NULL, NULL));
    }
  }
  s3rec_dataset *const again = select_events(events, options, info.interaction_count);
  fuzz_claim(again != NULL && check_dataset(again) == fingerprint, "another dataset of arrays");
  s3rec_dataset_destroy(again);
  s3rec_events_destroy(events);
  s3rec_vocabulary_destroy(users);
  s3rec_vocabulary_destroy(items);
}

/* With the names of the dataset as those of a model, the same events are the same dataset. */
static void select_by_names(s3rec_context *context, const s3rec_events *events,
                            const s3rec_dataset *dataset, size_t row_count) {
  s3rec_events_options options;
  s3rec_events_options_init(&options);
  fuzz_ok(s3rec_dataset_item_names(dataset, &options.item_names));
  const uint64_t fingerprint = check_dataset(dataset);
  s3rec_dataset *const again = select_events(events, &options, row_count);
  fuzz_claim(again != NULL && check_dataset(again) == fingerprint, "another dataset of names");
  s3rec_dataset_destroy(again);
  append_again(context, dataset, &options, fingerprint);
  s3rec_vocabulary_destroy(options.item_names);
}

/* Where a second file may begin: after a line end, and not with bytes that mean something at the
 * beginning of a file alone. */
static size_t place_to_cut(const table_input *input) {
  for (size_t at = input->size / 2; at > 0 && at < input->size; at++) {
    const uint8_t first = input->content[at];
    if (input->content[at - 1] == '\n' && first != 0x1f && first != 0xef) return at;
  }
  return 0;
}

/* Two files with the two halves of the rows, without a header, are one file. */
static void read_in_parts(s3rec_context *context, const table_input *input, size_t row_count,
                          const s3rec_dataset *dataset) {
  const size_t cut = place_to_cut(input);
  if (cut == 0 || input->is_gzip || input->options.header != S3REC_HEADER_NO ||
      input->options.format == S3REC_TABLE_AUTO || input->options.bad_row_limit > 0)
    return;
  s3rec_events *const events = new_table(context);
  s3rec_table_report first, second;
  s3rec_table_report_init(&first);
  s3rec_table_report_init(&second);
  const char *path = table_input_write(input, 0, cut);
  bool good = fuzz_succeeds(s3rec_events_read(events, path, &input->options, &first));
  if (good) {
    path = table_input_write(input, cut, input->size);
    good = fuzz_succeeds(s3rec_events_read(events, path, &input->options, &second));
  }
  if (good && first.row_count + second.row_count == row_count) {
    s3rec_dataset *const parts = select_events(events, NULL, row_count);
    fuzz_claim(parts != NULL && check_dataset(parts) == check_dataset(dataset),
               "two files of rows are not what the one is");
    s3rec_dataset_destroy(parts);
  }
  s3rec_events_destroy(events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static s3rec_context *contexts[2];
  if (contexts[0] == NULL) {
    contexts[0] = fuzz_context(1, false);
    contexts[1] = fuzz_context(1, true);
  }
  const table_input input = table_input_make(data, size);
  s3rec_context *const context = contexts[input.strict];
  const size_t held = fuzz_held();
  s3rec_table_report report;
  s3rec_events *const events = new_table(context);
  if (table_input_read(&input, events, s3rec_events_read, &report)) {
    s3rec_dataset *const chosen = select_events(events, &input.selection, report.row_count);
    s3rec_dataset_destroy(chosen);
    s3rec_dataset *const all = select_events(events, NULL, report.row_count);
    if (all != NULL) {
      select_by_names(context, events, all, report.row_count);
      read_in_parts(context, &input, report.row_count, all);
    }
    s3rec_dataset_destroy(all);
  } else {
    fuzz_claim(select_events(events, NULL, 0) == NULL, "a failure left events in the table");
  }
  s3rec_events_destroy(events);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
  return 0;
}
