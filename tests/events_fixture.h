/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of events share: tables made of texts, and datasets seen as text. */
#ifndef S3_TESTS_EVENTS_FIXTURE_H
#define S3_TESTS_EVENTS_FIXTURE_H

#include "data_fixture.h"

/* Log lines of a context that events_context made, one after the other. */
typedef struct events_log {
  char text[8192];
  size_t warnings;
} events_log;

/* A context that allocates by zeroed `hooks` and logs to `log`. */
s3rec_context *events_context(test_hooks *hooks, events_log *log);

/* Writes the bytes as gzip, as `parts` members. */
void events_write_gzip(const char *path, const void *bytes, size_t count, size_t parts);

/* The dataset as text: "user: item item; user: ..." with names, then " | item: attribute,
 * attribute; ..." in order of ids. */
void events_describe(const s3rec_dataset *dataset, char *text, size_t size);

/* Makes the dataset and compares its description. */
void events_expect(const s3rec_events *events, const s3rec_events_options *options,
                   const char *expected);

uint64_t events_fingerprint(const s3rec_events *events, const s3rec_events_options *options);

/* Number of events and of names, to see that a failed call added nothing; these are also
 * counted by the fingerprint. */
size_t events_count(const s3rec_events *events);

/* Appends events given as text: "user item timestamp" lines, fields between spaces. */
void events_append_text(s3rec_events *events, const char *lines);

#endif
