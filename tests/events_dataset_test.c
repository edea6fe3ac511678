/* SPDX-License-Identifier: Apache-2.0 */
/* From events to datasets: order, filters, names, attributes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "events_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static events_log log_lines;
static s3rec_context *context;
static s3rec_events *events;
static s3rec_events_options options;

static void set_up(void) {
  context = events_context(&hooks, &log_lines);
  ck_assert_int_eq(s3rec_events_create(context, &events), S3REC_OK);
  s3rec_events_options_init(&options);
}

static void tear_down(void) {
  s3rec_events_destroy(events);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

START_TEST(orders_events) {
  events_append_text(events, "v x 5 u a 2 u b 1 u c 2 u d -9223372036854775808 v y 5 u e 1");
  events_expect(events, NULL, "v: x y; u: d b e a c");
}
END_TEST

START_TEST(drops_repeats) {
  events_append_text(events, "u a 1 u a 2 u b 3 u a 4 u b 0 v a 1 v a 1");
  events_expect(events, &options, "u: b a a b a; v: a a");
  options.repeats = S3REC_REPEATS_RUNS;
  events_expect(events, &options, "u: b a b a; v: a");
  options.repeats = S3REC_REPEATS_DROP;
  events_expect(events, &options, "u: b a; v: a");
}
END_TEST

START_TEST(cuts_lengths) {
  events_append_text(events, "u a 1 u b 2 u c 3 v a 1 v b 2 w c 1");
  options.max_length = 2;
  events_expect(events, &options, "u: b c; v: a b; w: c");
  options.min_length = 2;
  events_expect(events, &options, "u: b c; v: a b");
  options.min_length = 3;
  s3rec_dataset *dataset = NULL;
  fixture_expect(s3rec_events_dataset(events, &options, &dataset, NULL), S3REC_ERROR_FORMAT, NULL,
                 "no events are left: of 6, left out by min_value: 0, repeats: 0, unknown items: "
                 "0, min_user_events and min_item_events: 0, max_length: 1, min_length: 5");
  ck_assert_ptr_null(dataset);
}
END_TEST

int main(void) {
  TCase *cases = tcase_create("events_dataset");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, orders_events);
  tcase_add_test(cases, drops_repeats);
  tcase_add_test(cases, cuts_lengths);
  return test_run("events dataset", cases, NULL);
}
