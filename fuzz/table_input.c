/* SPDX-License-Identifier: Apache-2.0 */
#include "table_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 8, REPEATS = 64 };

#define CHOOSE(bytes, list) ((list)[fuzz_byte(bytes) % (sizeof(list) / sizeof *(list))])

static void repeat_content(table_input *input) {
  static uint8_t *content;
  free(content);
  content = malloc(input->size * REPEATS + 1);
  fuzz_claim(content != NULL, "no memory");
  for (size_t i = 0; i < REPEATS; i++)
    memcpy(content + i * input->size, input->content, input->size);
  input->content = content;
  input->size *= REPEATS;
}

table_input table_input_make(const uint8_t *data, size_t size) {
  static const s3rec_table_format formats[] = {S3REC_TABLE_AUTO, S3REC_TABLE_CSV, S3REC_TABLE_TSV,
                                               S3REC_TABLE_JSONL};
  static const char *const names[] = {"table", "table.csv", "table.tsv", "table.jsonl",
                                      "table.dat", "table.csv.gz"};
  static const char *const delimiters[] = {NULL, ";", "::", "||"};
  static const s3rec_table_header headers[] = {S3REC_HEADER_AUTO, S3REC_HEADER_NO,
                                               S3REC_HEADER_YES};
  static const size_t parts[] = {0, 1, 2, 0};
  static const char *const columns[][5] = {{NULL, NULL, NULL, NULL, NULL},
                                           {"u", "i", "", "", "a,b"},
                                           {"2", "1", "3", "4", "2"},
                                           {"user", "item", "", NULL, ""}};
  static const size_t bad_rows[] = {0, 2, 1000, 0};
  static const char *const separators[] = {"|", "", ",", "::"};
  table_input input = {0};
  fuzz_bytes bytes = {data, size};
  s3rec_table_options *const options = &input.options;
  s3rec_table_options_init(options);
  s3rec_events_options_init(&input.selection);
  options->format = CHOOSE(&bytes, formats);
  input.name = CHOOSE(&bytes, names);
  options->delimiter = CHOOSE(&bytes, delimiters);
  options->header = CHOOSE(&bytes, headers);
  const uint8_t how = fuzz_byte(&bytes);
  input.gzip_parts = parts[how % 4];
  input.strict = how / 4 % 2 != 0;
  const char *const *const column = CHOOSE(&bytes, columns);
  options->user_column = column[0];
  options->item_column = column[1];
  options->timestamp_column = column[2];
  options->value_column = column[3];
  options->attribute_columns = column[4];
  const uint8_t rows = fuzz_byte(&bytes);
  options->bad_row_limit = bad_rows[rows % 4];
  options->attribute_separator = separators[rows / 4 % 4];
  const uint8_t rules = fuzz_byte(&bytes);
  if (rules != '0') {
    input.selection.repeats = (s3rec_repeats)(rules % 3);
    input.selection.min_user_events = 1 + rules / 3 % 3;
    input.selection.min_item_events = 1 + rules / 9 % 3;
    input.selection.max_length = rules / 27 % 3 * 2;
    input.selection.min_length = 1 + rules / 81 % 3;
    if (rules % 7 == 0) input.selection.min_value = 2.5;
  }
  input.content = data + (size < HEAD ? size : HEAD);
  input.size = size < HEAD ? 0 : size - HEAD;
  /* Much of the same becomes little when it is packed. */
  if (input.gzip_parts > 0 && how / 8 == 7) repeat_content(&input);
  input.is_gzip = input.size >= 2 && input.content[0] == 0x1f && input.content[1] == 0x8b;
  return input;
}

/* *justified: how many bytes a reader may take the file for. */
static const char *write_piece(const table_input *input, size_t begin, size_t end,
                               size_t *justified) {
  *justified = end - begin;
  if (input->gzip_parts == 0)
    return fuzz_write(input->name, input->content + begin, end - begin);
  size_t size;
  uint8_t *const gzip = fuzz_gzip(input->content + begin, end - begin, input->gzip_parts, &size);
  const char *const path = fuzz_write(input->name, gzip, size);
  free(gzip);
  s3rec_limits limits;
  s3rec_limits_init_strict(&limits);
  const size_t most = (1 << 20) + (size_t)limits.expansion * size;
  if (input->strict && *justified > most) *justified = most;
  return path;
}

const char *table_input_write(const table_input *input, size_t begin, size_t end) {
  size_t justified;
  return write_piece(input, begin, end, &justified);
}

bool table_input_read(const table_input *input, s3rec_events *events, table_read_function read,
                      s3rec_table_report *report) {
  const size_t held = fuzz_held();
  size_t justified;
  const char *const path = write_piece(input, 0, input->size, &justified);
  s3rec_table_report_init(report);
  fuzz_peak_reset();
  const bool good = fuzz_succeeds(read(events, path, &input->options, report));
  /* Reading takes two buffers of a MiB. Two bytes of a file are a row at the least. */
  if (!input->is_gzip) fuzz_claim_bounded(held, 5 << 19, 64, justified);
  if (!good) {
    fuzz_claim(report->row_count == 0 && report->bad_row_count == 0, "a failure has a report");
    return false;
  }
  fuzz_claim(report->bad_row_count <= input->options.bad_row_limit, "%zu bad rows",
             report->bad_row_count);
  fuzz_claim((report->bad_row_count == 0) == (report->first_bad_line == 0),
             "%zu bad rows, the first in line %zu", report->bad_row_count,
             (size_t)report->first_bad_line);
  return true;
}

static void check_item(const s3rec_dataset *dataset, int32_t item,
                       const s3rec_dataset_info *info) {
  const int32_t *attributes;
  size_t count;
  fuzz_ok(s3rec_dataset_item_attributes(dataset, item, &attributes, &count));
  for (size_t i = 0; i < count; i++) {
    fuzz_claim(attributes[i] >= 0 && attributes[i] < info->attribute_size, "attribute %d",
               (int)attributes[i]);
    fuzz_claim(i == 0 || attributes[i - 1] < attributes[i], "attributes %d and %d",
               (int)attributes[i - 1], (int)attributes[i]);
  }
}

static void check_names(const s3rec_dataset *dataset,
                        s3rec_status (*get)(const s3rec_dataset *, s3rec_vocabulary **),
                        size_t count) {
  s3rec_vocabulary *names;
  fuzz_ok(get(dataset, &names));
  if (names == NULL) return;
  fuzz_claim(s3rec_vocabulary_count(names) == count, "%zu names of %zu",
             s3rec_vocabulary_count(names), count);
  for (size_t i = 0; i < count; i++) {
    const int32_t id = s3rec_vocabulary_first_id(names) + (int32_t)i;
    const char *name;
    size_t length;
    int32_t found = -1;
    fuzz_ok(s3rec_vocabulary_name(names, id, &name, &length));
    fuzz_ok(s3rec_vocabulary_find(names, name, length, &found));
    fuzz_claim(found == id, "'%s' is %d, not %d", name, (int)found, (int)id);
  }
  s3rec_vocabulary_destroy(names);
}

uint64_t check_dataset(const s3rec_dataset *dataset) {
  s3rec_dataset_info info;
  size_t interactions = 0, count;
  const int32_t *items;
  s3rec_dataset_info_init(&info);
  fuzz_ok(s3rec_dataset_info_get(dataset, &info));
  int32_t largest = 0;
  for (size_t user = 0; user < info.user_count; user++) {
    fuzz_ok(s3rec_dataset_user_items(dataset, user, &items, &count));
    fuzz_claim(count > 0, "user %zu has no items", user);
    for (size_t i = 0; i < count; i++) {
      fuzz_claim(items[i] >= 1 && items[i] <= info.item_size - 2, "item %d", (int)items[i]);
      if (items[i] > largest) largest = items[i];
    }
    interactions += count;
    if (info.negatives_per_user == 0) continue;
    fuzz_ok(s3rec_dataset_user_negatives(dataset, user, &items, &count));
    fuzz_claim(count >= (size_t)info.negatives_per_user, "user %zu has %zu negatives", user, count);
    for (size_t i = 0; i < count; i++)
      fuzz_claim(items[i] >= 1 && items[i] <= info.item_size - 2, "negative %d", (int)items[i]);
  }
  fuzz_claim(interactions == info.interaction_count, "%zu interactions, not %zu", interactions,
             info.interaction_count);
  /* A text file may have one large id; looking at the ends is enough then. */
  for (int32_t item = 1; item <= info.item_size - 2 && item < 5000; item++)
    check_item(dataset, item, &info);
  check_item(dataset, largest, &info);
  check_names(dataset, s3rec_dataset_item_names, (size_t)info.item_size - 2);
  check_names(dataset, s3rec_dataset_user_names, info.user_count);
  check_names(dataset, s3rec_dataset_attribute_names, (size_t)info.attribute_size);
  return info.fingerprint;
}
