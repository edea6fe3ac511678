/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a table of item attributes (table_input.h), beside a few events. Reading it twice
 * changes nothing. */
#include <string.h>

#include "table_input.h"

enum { EVENTS = 12 };

static s3rec_events *table_with_events(s3rec_context *context) {
  static const char users[] = "aaaabbbbcccc", items[] = "123456abcdef";
  int64_t offsets[EVENTS + 1];
  s3rec_events *events;
  for (int64_t i = 0; i <= EVENTS; i++) offsets[i] = i;
  const s3rec_id_array user_ids = {.text = users, .offsets = offsets};
  const s3rec_id_array item_ids = {.text = items, .offsets = offsets};
  fuzz_ok(s3rec_events_create(context, &events));
  fuzz_ok(s3rec_events_append(events, EVENTS, &user_ids, &item_ids, NULL, NULL));
  return events;
}

static uint64_t check_events(const s3rec_events *events) {
  s3rec_events_report report;
  s3rec_dataset *dataset;
  s3rec_events_report_init(&report);
  fuzz_ok(s3rec_events_dataset(events, NULL, &dataset, &report));
  fuzz_claim(report.kept_count == EVENTS, "%zu events", report.kept_count);
  size_t attributed = 0;
  for (int32_t item = 1; item <= EVENTS; item++) {
    const int32_t *attributes;
    size_t count;
    fuzz_ok(s3rec_dataset_item_attributes(dataset, item, &attributes, &count));
    attributed += count > 0;
  }
  fuzz_claim(attributed == report.attributed_item_count, "%zu items have attributes, not %zu",
             attributed, report.attributed_item_count);
  const uint64_t fingerprint = check_dataset(dataset);
  s3rec_dataset_destroy(dataset);
  return fingerprint;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static s3rec_context *contexts[2];
  if (contexts[0] == NULL) {
    contexts[0] = fuzz_context(1, false);
    contexts[1] = fuzz_context(1, true);
  }
  const table_input input = table_input_make(data, size);
  const size_t held = fuzz_held();
  s3rec_table_report report, again;
  s3rec_events *const events = table_with_events(contexts[input.strict]);
  const uint64_t before = check_events(events);
  if (table_input_read(&input, events, s3rec_events_read_attributes, &report)) {
    const uint64_t once = check_events(events);
    fuzz_claim(table_input_read(&input, events, s3rec_events_read_attributes, &again),
               "a table is refused the second time: %s", s3rec_last_error());
    fuzz_claim(report.row_count == again.row_count, "%zu rows, then %zu", report.row_count,
               again.row_count);
    fuzz_claim(check_events(events) == once, "the second time changed the attributes");
  } else {
    fuzz_claim(check_events(events) == before, "a failure changed the table");
  }
  s3rec_events_destroy(events);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
  return 0;
}
