/* SPDX-License-Identifier: Apache-2.0 */
/* What Go calls of vocabularies and event tables; see bridge.h. */
#ifndef S3GO_BRIDGE_NAMES_H
#define S3GO_BRIDGE_NAMES_H

#include "bridge.h"

/* An empty slice has no address in Go. */
static inline const char *s3go_text(const char *text) { return text != NULL ? text : ""; }

static inline s3go_result s3go_vocabulary_create(s3rec_context *context, int32_t kind,
                                                 int32_t first_id, const char *text,
                                                 const int64_t *offsets, size_t count) {
  s3rec_vocabulary *vocabulary = NULL;
  const s3rec_status status = s3rec_vocabulary_create(context, (s3rec_name_kind)kind, first_id,
                                                      s3go_text(text), offsets, count,
                                                      &vocabulary);
  return s3go_done(status, vocabulary, 0);
}

static inline s3go_result s3go_vocabulary_name(const s3rec_vocabulary *vocabulary, int32_t id) {
  const char *name = NULL;
  size_t length = 0;
  const s3rec_status status = s3rec_vocabulary_name(vocabulary, id, &name, &length);
  return s3go_done(status, (void *)name, length);
}

/* The text is result.handle, the offsets *offsets. */
static inline s3go_result s3go_vocabulary_text(const s3rec_vocabulary *vocabulary,
                                               const int64_t **offsets) {
  const char *text = NULL;
  const s3rec_status status = s3rec_vocabulary_text(vocabulary, &text, offsets);
  return s3go_done(status, (void *)text, s3rec_vocabulary_count(vocabulary));
}

static inline s3go_result s3go_vocabulary_find(const s3rec_vocabulary *vocabulary,
                                               const char *name, size_t length) {
  int32_t id = 0;
  const s3rec_status status = s3rec_vocabulary_find(vocabulary, s3go_text(name), length, &id);
  return s3go_done(status, NULL, (size_t)id);
}

static inline s3go_result s3go_vocabulary_find_many(void *vocabulary, const char *text,
                                                    const int64_t *offsets, size_t count,
                                                    int32_t *ids) {
  return s3go_done(
      s3rec_vocabulary_find_many(vocabulary, s3go_text(text), offsets, count, ids), NULL, 0);
}

/* handle: the names, NULL without. */
static inline s3go_result s3go_model_item_names(const s3rec_model *model) {
  s3rec_vocabulary *names = NULL;
  const s3rec_status status = s3rec_model_item_names(model, &names);
  return s3go_done(status, names, 0);
}

static inline s3go_result s3go_model_attribute_names(const s3rec_model *model) {
  s3rec_vocabulary *names = NULL;
  const s3rec_status status = s3rec_model_attribute_names(model, &names);
  return s3go_done(status, names, 0);
}

static inline s3go_result s3go_model_set_names(s3rec_model *model, s3rec_vocabulary *items,
                                               s3rec_vocabulary *attributes) {
  return s3go_done(s3rec_model_set_names(model, items, attributes), NULL, 0);
}

static inline s3go_result s3go_dataset_item_names(const s3rec_dataset *dataset) {
  s3rec_vocabulary *names = NULL;
  const s3rec_status status = s3rec_dataset_item_names(dataset, &names);
  return s3go_done(status, names, 0);
}

static inline s3go_result s3go_dataset_user_names(const s3rec_dataset *dataset) {
  s3rec_vocabulary *names = NULL;
  const s3rec_status status = s3rec_dataset_user_names(dataset, &names);
  return s3go_done(status, names, 0);
}

static inline s3go_result s3go_dataset_attribute_names(const s3rec_dataset *dataset) {
  s3rec_vocabulary *names = NULL;
  const s3rec_status status = s3rec_dataset_attribute_names(dataset, &names);
  return s3go_done(status, names, 0);
}

/* Events. */

static inline s3go_result s3go_events_create(s3rec_context *context) {
  s3rec_events *events = NULL;
  const s3rec_status status = s3rec_events_create(context, &events);
  return s3go_done(status, events, 0);
}

static inline s3go_result s3go_events_read(s3rec_events *events, const char *path,
                                           int32_t attributes,
                                           const s3rec_table_options *options,
                                           s3rec_table_report *report) {
  s3rec_table_report_init(report);
  return s3go_done((attributes ? s3rec_events_read_attributes : s3rec_events_read)(
                       events, path, options, report),
                   NULL, 0);
}

static inline s3go_result s3go_events_append(s3rec_events *events, size_t count,
                                             const int64_t *users, const char *user_text,
                                             const int64_t *user_offsets, const int64_t *items,
                                             const char *item_text, const int64_t *item_offsets,
                                             const int64_t *timestamps, const double *values) {
  const s3rec_id_array user_ids = {users, user_text, user_offsets};
  const s3rec_id_array item_ids = {items, item_text, item_offsets};
  return s3go_done(
      s3rec_events_append(events, count, &user_ids, &item_ids, timestamps, values), NULL, 0);
}

static inline s3go_result s3go_events_append_attributes(
    s3rec_events *events, size_t count, const int64_t *items, const char *item_text,
    const int64_t *item_offsets, const int64_t *attributes, const char *attribute_text,
    const int64_t *attribute_offsets) {
  const s3rec_id_array item_ids = {items, item_text, item_offsets};
  const s3rec_id_array attribute_ids = {attributes, attribute_text, attribute_offsets};
  return s3go_done(s3rec_events_append_attributes(events, count, &item_ids, &attribute_ids),
                   NULL, 0);
}

static inline s3go_result s3go_events_dataset(const s3rec_events *events,
                                              const s3rec_events_options *options,
                                              s3rec_events_report *report) {
  s3rec_dataset *dataset = NULL;
  s3rec_events_report_init(report);
  const s3rec_status status = s3rec_events_dataset(events, options, &dataset, report);
  return s3go_done(status, dataset, 0);
}

#endif
