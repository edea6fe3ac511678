/* SPDX-License-Identifier: Apache-2.0 */
#include "events/events.h"

#include <math.h>

#include "base/options.h"
#include "names/vocabulary.h"

s3rec_status s3rec_events_create(s3rec_context *context, s3rec_events **events) {
  S3_REQUIRE(context);
  S3_REQUIRE(events);
  return s3_events_create(context, events);
}

void s3rec_events_destroy(s3rec_events *events) {
  if (events != NULL) s3_events_destroy(events);
}

void s3rec_table_options_init(s3rec_table_options *options) {
  *options = (s3rec_table_options){.struct_size = sizeof *options, .attribute_separator = "|"};
}

void s3rec_table_report_init(s3rec_table_report *report) {
  *report = (s3rec_table_report){.struct_size = sizeof *report};
}

static s3rec_status resolve_table_options(const s3rec_table_options *options,
                                          s3rec_table_options *resolved) {
  s3rec_table_options_init(resolved);
  if (options == NULL) return S3REC_OK;
  S3_TRY(s3_options_copy(resolved, sizeof *resolved, options,
                         S3_SIZE_UNTIL(s3rec_table_options, bad_row_limit), "s3rec_table_options"));
  if ((unsigned)resolved->format > S3REC_TABLE_JSONL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "format is %d, must be 0..%d", resolved->format,
                   S3REC_TABLE_JSONL);
  if ((unsigned)resolved->header > S3REC_HEADER_YES)
    return s3_fail(S3REC_ERROR_ARGUMENT, "header is %d, must be 0..%d", resolved->header,
                   S3REC_HEADER_YES);
  if (resolved->attribute_separator == NULL) resolved->attribute_separator = "|";
  return S3REC_OK;
}

static s3rec_status check_table_report(const s3rec_table_report *report) {
  if (report == NULL) return S3REC_OK;
  return s3_output_check(report, S3_SIZE_UNTIL(s3rec_table_report, first_bad_line),
                         "s3rec_table_report");
}

typedef s3rec_status read_function(s3rec_events *events, const char *path,
                                   const s3rec_table_options *options, s3rec_table_report *report);

static s3rec_status read_table(read_function *read, s3rec_events *events, const char *path,
                               const s3rec_table_options *options, s3rec_table_report *report) {
  s3rec_table_options resolved;
  s3rec_table_report result;
  S3_TRY(resolve_table_options(options, &resolved));
  S3_TRY(check_table_report(report));
  S3_TRY(read(events, path, &resolved, &result));
  if (report != NULL) s3_output_write(report, &result, sizeof result);
  return S3REC_OK;
}

s3rec_status s3rec_events_read(s3rec_events *events, const char *path,
                               const s3rec_table_options *options, s3rec_table_report *report) {
  S3_REQUIRE(events);
  S3_REQUIRE(path);
  return read_table(s3_events_read, events, path, options, report);
}

s3rec_status s3rec_events_read_attributes(s3rec_events *events, const char *path,
                                          const s3rec_table_options *options,
                                          s3rec_table_report *report) {
  S3_REQUIRE(events);
  S3_REQUIRE(path);
  return read_table(s3_events_read_attributes, events, path, options, report);
}

s3rec_status s3rec_events_append(s3rec_events *events, size_t count, const s3rec_id_array *users,
                                 const s3rec_id_array *items, const int64_t *timestamps,
                                 const double *values) {
  S3_REQUIRE(events);
  S3_REQUIRE(users);
  S3_REQUIRE(items);
  return s3_events_append(events, count, users, items, timestamps, values);
}

s3rec_status s3rec_events_append_attributes(s3rec_events *events, size_t count,
                                            const s3rec_id_array *items,
                                            const s3rec_id_array *attributes) {
  S3_REQUIRE(events);
  S3_REQUIRE(items);
  S3_REQUIRE(attributes);
  return s3_events_append_attributes(events, count, items, attributes);
}

void s3rec_events_options_init(s3rec_events_options *options) {
  *options = (s3rec_events_options){.struct_size = sizeof *options,
                                    .min_value = -INFINITY,
                                    .min_user_events = 1,
                                    .min_item_events = 1,
                                    .min_length = 1};
}

void s3rec_events_report_init(s3rec_events_report *report) {
  *report = (s3rec_events_report){.struct_size = sizeof *report};
}

static s3rec_status check_count(const char *name, int32_t value, int32_t minimum) {
  if (value >= minimum) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "%s is %d, must be %d..%d", name, value, minimum,
                 INT32_MAX);
}

static s3rec_status check_first_id(const char *name, const s3rec_vocabulary *names,
                                   int32_t first_id) {
  if (names == NULL || names->first_id == first_id) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "%s: first_id is %d, must be %d", name, names->first_id,
                 first_id);
}

static s3rec_status check_events_options(const s3rec_events *events,
                                         const s3rec_events_options *options) {
  if (isnan(options->min_value))
    return s3_fail(S3REC_ERROR_ARGUMENT, "min_value is NaN, must be a number");
  if (options->min_value > -INFINITY && events->value_count == 0)
    return s3_fail(S3REC_ERROR_ARGUMENT, "min_value is %g, but no event has a value",
                   options->min_value);
  if ((unsigned)options->repeats > S3REC_REPEATS_DROP)
    return s3_fail(S3REC_ERROR_ARGUMENT, "repeats is %d, must be 0..%d", options->repeats,
                   S3REC_REPEATS_DROP);
  S3_TRY(check_count("min_user_events", options->min_user_events, 1));
  S3_TRY(check_count("min_item_events", options->min_item_events, 1));
  S3_TRY(check_count("max_length", options->max_length, 0));
  S3_TRY(check_count("min_length", options->min_length, 1));
  if (options->attribute_names != NULL && options->item_names == NULL)
    return s3_fail(S3REC_ERROR_ARGUMENT, "attribute_names is set, but item_names is NULL");
  S3_TRY(check_first_id("item_names", options->item_names, 1));
  return check_first_id("attribute_names", options->attribute_names, 0);
}

s3rec_status s3rec_events_dataset(const s3rec_events *events, const s3rec_events_options *options,
                                  s3rec_dataset **dataset, s3rec_events_report *report) {
  S3_REQUIRE(events);
  S3_REQUIRE(dataset);
  s3rec_events_options resolved;
  s3rec_events_report result;
  s3rec_events_options_init(&resolved);
  s3rec_events_report_init(&result);
  if (options != NULL)
    S3_TRY(s3_options_copy(&resolved, sizeof resolved, options,
                           S3_SIZE_UNTIL(s3rec_events_options, attribute_names),
                           "s3rec_events_options"));
  if (report != NULL)
    S3_TRY(s3_output_check(report, S3_SIZE_UNTIL(s3rec_events_report, attributed_item_count),
                           "s3rec_events_report"));
  S3_TRY(check_events_options(events, &resolved));
  S3_TRY(s3_events_dataset(events, &resolved, dataset, &result));
  if (report != NULL) s3_output_write(report, &result, sizeof result);
  return S3REC_OK;
}
