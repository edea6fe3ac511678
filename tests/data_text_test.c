/* SPDX-License-Identifier: Apache-2.0 */
/* The sequence and negative files: what is accepted, and the exact place and
 * reason of everything that is not. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data_fixture.h"
#include "support/suite.h"

static test_hooks hooks;
static s3rec_context *context;

static void set_up(void) {
  context = test_hooks_context(&hooks);
}

static void tear_down(void) {
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static void refuse(const void *bytes, size_t count, const char *expected) {
  const test_path path = test_file("data.txt");
  test_write(path.text, bytes, count);
  s3rec_dataset *dataset = (s3rec_dataset *)&hooks; /* must stay as it is */
  const s3rec_status status = s3rec_dataset_load(context, path.text, NULL, NULL, &dataset);
  fixture_expect(status, S3REC_ERROR_FORMAT, path.text, expected);
  ck_assert_ptr_eq(dataset, &hooks);
}

static void refuse_text(const char *text, const char *expected) {
  refuse(text, strlen(text), expected);
}

static s3rec_dataset *load(const char *text) {
  s3rec_dataset *dataset = NULL;
  const test_path path = fixture_text("data.txt", text);
  const s3rec_status status = s3rec_dataset_load(context, path.text, NULL, NULL, &dataset);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  return dataset;
}

/* Every spelling of: user 7 with 1 2 3, user 8 with 4. */
START_TEST(accepts_spellings) {
  static const char *const texts[] = {
      "7 1 2 3\n8 4\n",
      "7 1 2 3\n8 4",
      "7 1 2 3\r\n8 4\r\n",
      "7 1 2 3\r\n8 4\r",
      "\n\n  \t\n7 1 2 3\n\r\n8 4\n\n",
      "  7\t1  2\t\t3  \n\t8 4 ",
      ("\xEF\xBB\xBF" "7 1 2 3\n8 4\n"),
      "007 01 2 3\n8 4\n",
  };
  uint64_t fingerprint = 0;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    s3rec_dataset *dataset = load(texts[i]);
    s3rec_dataset_info info;
    s3rec_dataset_info_init(&info);
    ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
    ck_assert_uint_eq(info.user_count, 2);
    ck_assert_uint_eq(info.interaction_count, 4);
    ck_assert_int_eq(info.item_size, 6);
    ck_assert_int_eq(info.attribute_size, 1);
    ck_assert_int_eq(info.negatives_per_user, 0);
    ck_assert_uint_eq(info.short_user_count, 1);
    if (i > 0) ck_assert_uint_eq(info.fingerprint, fingerprint);
    fingerprint = info.fingerprint;
    const int32_t *items;
    size_t count;
    ck_assert_int_eq(s3rec_dataset_user_items(dataset, 0, &items, &count), S3REC_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_mem_eq(items, ((int32_t[]){1, 2, 3}), 3 * sizeof *items);
    ck_assert_int_eq(s3rec_dataset_user_items(dataset, 1, &items, &count), S3REC_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(items[0], 4);
    s3rec_dataset_destroy(dataset);
  }
}
END_TEST

START_TEST(accepts_extremes) {
  s3rec_limits limits;
  s3rec_limits_init(&limits);
  limits.id_spread = INT32_MAX;
  s3rec_context_destroy(context);
  context = test_hooks_limited(&hooks, &limits);
  s3rec_dataset *dataset = load("0 2147483645 1\n9223372036854775807 5\n0 6\n");
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_int_eq(info.item_size, 2147483647);
  ck_assert_uint_eq(info.user_count, 3);
  s3rec_dataset_destroy(dataset);
}
END_TEST

START_TEST(refuses_numbers) {
  refuse_text("1 2 3\n2 4 x5 6\n", ":2:5: item id \"x5\" is not an integer");
  refuse_text("1 2 3\r\n2 4\t12a\r\n", ":2:5: item id \"12a\" is not an integer");
  refuse_text("1 2.0\n", ":1:3: item id \"2.0\" is not an integer");
  refuse_text("1 2,5\n", ":1:3: item id \"2,5\" is not an integer");
  refuse_text("1 +2\n", ":1:3: item id \"+2\" is not an integer");
  refuse_text("1 - 2\n", ":1:3: item id \"-\" is not an integer");
  refuse_text("1 1e3\n", ":1:3: item id \"1e3\" is not an integer");
  refuse_text("u1 2\n", ":1:1: user name \"u1\" is not an integer");
  refuse_text("\n\n  -3 2\n",
              ":3:3: user name -3 is out of range, must be 0..9223372036854775807");
  refuse_text("1 2 0\n", ":1:5: item id 0 is out of range, must be 1..2147483645");
  refuse_text("1 2 -7 4\n", ":1:5: item id -7 is out of range, must be 1..2147483645");
  refuse_text("1 2147483646",
              ":1:3: item id 2147483646 is out of range, must be 1..2147483645");
  refuse_text("1 18446744073709551617",
              ":1:3: item id 18446744073709551617 is out of range, must be 1..2147483645");
  refuse_text("9223372036854775808 1",
              ":1:1: user name 9223372036854775808 is out of range, "
              "must be 0..9223372036854775807");
  refuse_text("1 123456789012345678901234567890123456789012345678901\n",
              ":1:3: item id 1234567890123456789012345678901234567890... is out of range, "
              "must be 1..2147483645");
  refuse_text("\xEF\xBB\xBF" "1 x\n", ":1:3: item id \"x\" is not an integer");
}
END_TEST

START_TEST(refuses_missing_items) {
  refuse_text("1 2\n17\n3 4\n", ":2:3: user 17 has no items");
  refuse_text("1 2\r\n17  \t\r\n", ":2:6: user 17 has no items");
  refuse_text("1", ":1:2: user 1 has no items");
  refuse_text("", ":1:1: no users in the file");
  refuse_text("\xEF\xBB\xBF", ":1:1: no users in the file");
  refuse_text("\n \r\n\t\n", ":1:1: no users in the file");
}
END_TEST

START_TEST(refuses_bytes) {
  refuse("1 2\n2 3\0 4\n", 11, ":2:4: NUL byte where item id is expected");
  refuse("\0", 1, ":1:1: NUL byte where user name is expected");
  refuse_text("1 2\x01\n", ":1:4: control character 0x01 where item id is expected");
  refuse_text("1 2\x7F\n", ":1:4: control character 0x7F where item id is expected");
  refuse_text("1 2\r3\n", ":1:4: control character 0x0D where item id is expected");
  refuse_text("1 2\f3\n", ":1:4: control character 0x0C where item id is expected");
  refuse_text("1 2\n1 2\xC3",
              ":2:4: truncated UTF-8: byte 0xC3 starts a character that is cut off");
  refuse_text("1 \xE2\x82 4",
              ":1:3: truncated UTF-8: byte 0xE2 starts a character that is cut off");
  refuse_text("1 \xF0\x9F\x8E\n",
              ":1:3: truncated UTF-8: byte 0xF0 starts a character that is cut off");
  refuse_text("1 2\xBF\n", ":1:4: byte 0xBF is not valid UTF-8");
  refuse_text("1 \xC0\x80\n", ":1:3: byte 0xC0 is not valid UTF-8");
  refuse_text("1 \xE0\x80\x80\n", ":1:3: byte 0xE0 is not valid UTF-8");
  refuse_text("1 \xED\xA0\x80\n", ":1:3: byte 0xED is not valid UTF-8");
  refuse_text("1 \xF4\x90\x80\x80\n", ":1:3: byte 0xF4 is not valid UTF-8");
  refuse_text("1 \xFF\n", ":1:3: byte 0xFF is not valid UTF-8");
  refuse_text("1 2\xC3\xA9\n", ":1:4: character U+00E9 (byte 0xC3) where item id is expected");
  refuse_text("1 \xF0\x9F\x8E\xAC\n",
              ":1:3: character U+1F3AC (byte 0xF0) where item id is expected");
  refuse_text("1 \xEF\xBB\xBF" "2\n",
              ":1:3: character U+FEFF (byte 0xEF) where item id is expected");
  refuse_text("1\xC2\xA0" "2\n", ":1:2: character U+00A0 (byte 0xC2) where user name is expected");
}
END_TEST

START_TEST(refuses_unreadable_files) {
  s3rec_dataset *dataset = NULL;
  const test_path path = fixture_text("data.txt", "1 2 3\n"), no_path = test_file("missing");
  const char *good = path.text, *missing = no_path.text;
  ck_assert_int_eq(s3rec_dataset_load(context, missing, NULL, NULL, &dataset), S3REC_ERROR_IO);
  ck_assert_ptr_nonnull(strstr(s3rec_last_error(), missing));
  ck_assert_int_eq(s3rec_dataset_load(context, "/tmp", NULL, NULL, &dataset), S3REC_ERROR_IO);
  ck_assert_int_eq(s3rec_dataset_load(context, good, missing, NULL, &dataset), S3REC_ERROR_IO);
  ck_assert_int_eq(s3rec_dataset_load(context, good, NULL, missing, &dataset), S3REC_ERROR_IO);
  if (geteuid() != 0) { /* root reads everything */
    const test_path locked = fixture_text("locked.txt", "1 2 3\n");
    ck_assert_int_eq(chmod(locked.text, 0), 0);
    ck_assert_int_eq(s3rec_dataset_load(context, locked.text, NULL, NULL, &dataset),
                     S3REC_ERROR_IO);
  }
  ck_assert_ptr_null(dataset);
  ck_assert_int_eq(s3rec_dataset_load(NULL, good, NULL, NULL, &dataset), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_dataset_load(context, NULL, NULL, NULL, &dataset), S3REC_ERROR_ARGUMENT);
  ck_assert_int_eq(s3rec_dataset_load(context, good, NULL, NULL, NULL), S3REC_ERROR_ARGUMENT);
}
END_TEST

/* "user 1 1 ... 1": `count` negatives that are all `item`. */
static void append_negatives(char *text, const char *user, int count, const char *item,
                             const char *end) {
  text += strlen(text);
  text += sprintf(text, "%s", user);
  for (int i = 0; i < count; i++) text += sprintf(text, " %s", item);
  sprintf(text, "%s", end);
}

static void load_negatives(const char *text, const char *expected) {
  const test_path sequences = fixture_text("data.txt", "5 1 2 3\n6 4 2 9\n");
  const test_path path = fixture_text("negatives.txt", text);
  s3rec_dataset *dataset = NULL;
  const s3rec_status status =
      s3rec_dataset_load(context, sequences.text, NULL, path.text, &dataset);
  if (expected != NULL) {
    fixture_expect(status, S3REC_ERROR_FORMAT, path.text, expected);
    ck_assert_ptr_null(dataset);
    return;
  }
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_int_eq(info.negatives_per_user, 99);
  const int32_t *negatives;
  size_t count;
  ck_assert_int_eq(s3rec_dataset_user_negatives(dataset, 1, &negatives, &count), S3REC_OK);
  ck_assert_uint_eq(count, 101);
  for (size_t i = 0; i < count; i++) ck_assert_int_eq(negatives[i], 9);
  ck_assert_int_eq(s3rec_dataset_user_negatives(dataset, 2, &negatives, &count),
                   S3REC_ERROR_NOT_FOUND);
  s3rec_dataset_destroy(dataset);
}

START_TEST(reads_negatives) {
  char text[2048] = "";
  append_negatives(text, "5", 99, "7", "\r\n\n");
  append_negatives(text, "06", 101, "9", "");
  load_negatives(text, NULL);
}
END_TEST

/* The dataset tells the least that a user has. */
START_TEST(counts_the_fewest_negatives) {
  char text[2048] = "";
  append_negatives(text, "5", 101, "7", "\n");
  append_negatives(text, "6", 99, "9", "\n");
  const test_path sequences = fixture_text("data.txt", "5 1 9\n6 2\n");
  const test_path negatives = fixture_text("negatives.txt", text);
  s3rec_dataset *dataset = NULL;
  ck_assert_msg(s3rec_dataset_load(context, sequences.text, NULL, negatives.text, &dataset) ==
                    S3REC_OK,
                "%s", s3rec_last_error());
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  ck_assert_int_eq(s3rec_dataset_info_get(dataset, &info), S3REC_OK);
  ck_assert_int_eq(info.negatives_per_user, 99);
  s3rec_dataset_destroy(dataset);
}
END_TEST

START_TEST(refuses_negatives) {
  char text[2048] = "";
  append_negatives(text, "5", 98, "7", "\n");
  load_negatives(text, ":1:198: user 5 has 98 negatives, at least 99 are needed");
  text[0] = '\0';
  append_negatives(text, "5", 99, "7", "\n");
  load_negatives(text, ":2:1: the file ends after 1 of the 2 users of the sequence file");
  append_negatives(text, "7", 99, "7", "\n");
  load_negatives(text, ":2:1: user 7, but the sequence file has user 6");
  text[0] = '\0';
  append_negatives(text, "5", 99, "7", "\n");
  append_negatives(text, "6", 99, "7", "\n");
  append_negatives(text, "\n 7", 99, "7", "\n");
  load_negatives(text, ":4:2: more lines than the 2 users of the sequence file");
  load_negatives("5 1 10\n", ":1:5: negative item id 10 is out of range, must be 1..9");
  load_negatives("5 1 0\n", ":1:5: negative item id 0 is out of range, must be 1..9");
  load_negatives("5 x\n", ":1:3: negative item id \"x\" is not an integer");
  load_negatives("x\n", ":1:1: user name \"x\" is not an integer");
  load_negatives("5\n", ":1:2: user 5 has 0 negatives, at least 99 are needed");
  load_negatives("", ":1:1: the file ends after 0 of the 2 users of the sequence file");
}
END_TEST

TEST_SUITE(data_text) {
  TCase *cases = tcase_create("text");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, accepts_spellings);
  tcase_add_test(cases, accepts_extremes);
  tcase_add_test(cases, refuses_numbers);
  tcase_add_test(cases, refuses_missing_items);
  tcase_add_test(cases, refuses_bytes);
  tcase_add_test(cases, refuses_unreadable_files);
  tcase_add_test(cases, reads_negatives);
  tcase_add_test(cases, counts_the_fewest_negatives);
  tcase_add_test(cases, refuses_negatives);
  test_add_cases(suite, cases, NULL);
}
