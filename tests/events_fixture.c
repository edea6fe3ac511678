/* SPDX-License-Identifier: Apache-2.0 */
#include "events_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "events/events.h"

static void keep_line(s3rec_log_level level, const char *message, void *user_data) {
  events_log *const log = user_data;
  const size_t used = strlen(log->text);
  log->warnings += level == S3REC_LOG_WARNING;
  snprintf(log->text + used, sizeof log->text - used, "%s\n", message);
}

s3rec_context *events_context(test_hooks *hooks, events_log *log) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  *hooks = (test_hooks){0};
  *log = (events_log){0};
  test_hooks_install(hooks, &options);
  options.log = keep_line;
  options.log_user_data = log;
  s3rec_context *context = NULL;
  ck_assert_int_eq(s3rec_context_create(&options, &context), S3REC_OK);
  return context;
}

void events_write_gzip(const char *path, const void *bytes, size_t count, size_t parts) {
  const char *at = bytes;
  remove(path);
  for (size_t part = 0; part < parts; part++) {
    const size_t size = part + 1 < parts ? count / parts : count - (count / parts) * part;
    gzFile file = gzopen(path, "ab");
    ck_assert_ptr_nonnull(file);
    if (size > 0) ck_assert_int_eq(gzwrite(file, at, (unsigned)size), (int)size);
    ck_assert_int_eq(gzclose(file), Z_OK);
    at += size;
  }
}

static const char *name_of(s3rec_vocabulary *names, int32_t id) {
  const char *name = NULL;
  ck_assert_int_eq(s3rec_vocabulary_name(names, id, &name, NULL), S3REC_OK);
  return name;
}

void events_describe(const s3rec_dataset *dataset, char *text, size_t size) {
  s3rec_vocabulary *users, *items, *attributes;
  ck_assert_int_eq(s3rec_dataset_user_names(dataset, &users), S3REC_OK);
  ck_assert_int_eq(s3rec_dataset_item_names(dataset, &items), S3REC_OK);
  ck_assert_int_eq(s3rec_dataset_attribute_names(dataset, &attributes), S3REC_OK);
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_uint_eq(s3rec_vocabulary_count(users), info.user_count);
  ck_assert_int_eq((int32_t)s3rec_vocabulary_count(items), info.item_size - 2);
  if (attributes != NULL)
    ck_assert_int_eq((int32_t)s3rec_vocabulary_count(attributes), info.attribute_size);
  else
    ck_assert_int_eq(info.attribute_size, 1);
  size_t used = 0, count;
  const int32_t *ids;
#define ADD(...) used += (size_t)snprintf(text + used, used < size ? size - used : 0, __VA_ARGS__)
  for (size_t user = 0; user < info.user_count; user++) {
    ADD("%s%s:", user > 0 ? "; " : "", name_of(users, (int32_t)user));
    ck_assert_int_eq(s3rec_dataset_user_items(dataset, user, &ids, &count), S3REC_OK);
    for (size_t i = 0; i < count; i++) ADD(" %s", name_of(items, ids[i]));
  }
  for (int32_t item = 1; item < info.item_size - 1; item++) {
    ck_assert_int_eq(s3rec_dataset_item_attributes(dataset, item, &ids, &count), S3REC_OK);
    if (count > 0) ADD(" | %s:", name_of(items, item));
    for (size_t i = 0; i < count; i++) ADD("%s %s", i > 0 ? "," : "", name_of(attributes, ids[i]));
  }
#undef ADD
  ck_assert_uint_lt(used, size);
  s3rec_vocabulary_destroy(users);
  s3rec_vocabulary_destroy(items);
  s3rec_vocabulary_destroy(attributes);
}

static s3rec_dataset *make(const s3rec_events *events, const s3rec_events_options *options) {
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = s3rec_events_dataset(events, options, &dataset, NULL);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  return dataset;
}

void events_expect(const s3rec_events *events, const s3rec_events_options *options,
                   const char *expected) {
  static char text[65536];
  s3rec_dataset *const dataset = make(events, options);
  events_describe(dataset, text, sizeof text);
  ck_assert_str_eq(text, expected);
  s3rec_dataset_destroy(dataset);
}

uint64_t events_fingerprint(const s3rec_events *events, const s3rec_events_options *options) {
  s3rec_dataset *const dataset = make(events, options);
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  s3rec_dataset_destroy(dataset);
  return info.fingerprint;
}

size_t events_count(const s3rec_events *events) { return events->table.count; }

void events_append_text(s3rec_events *events, const char *lines) {
  while (*lines != '\0') {
    char user[64], item[64];
    long long timestamp;
    int length = 0;
    ck_assert_int_eq(sscanf(lines, "%63s %63s %lld %n", user, item, &timestamp, &length), 3);
    const int64_t user_offsets[] = {0, (int64_t)strlen(user)};
    const int64_t item_offsets[] = {0, (int64_t)strlen(item)};
    const int64_t when = timestamp;
    const s3rec_id_array users = {.text = user, .offsets = user_offsets};
    const s3rec_id_array items = {.text = item, .offsets = item_offsets};
    const s3rec_status status = s3rec_events_append(events, 1, &users, &items, &when, NULL);
    ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
    lines += length;
  }
}
