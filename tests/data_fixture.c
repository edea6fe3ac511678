/* SPDX-License-Identifier: Apache-2.0 */
#include "data_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

test_path fixture_text(const char *name, const char *text) {
  const test_path path = test_file(name);
  test_write(path.text, text, strlen(text));
  return path;
}

void fixture_expect(s3rec_status status, s3rec_status expected_status, const char *path,
                    const char *expected) {
  const char *text = s3rec_last_error();
  ck_assert_str_eq(s3rec_status_name(status), s3rec_status_name(expected_status));
  if (path != NULL) {
    ck_assert_msg(strncmp(text, path, strlen(path)) == 0, "\"%s\" does not start with %s", text,
                  path);
    text += strlen(path);
  }
  ck_assert_str_eq(text, expected);
}

s3rec_dataset *fixture_unique_dataset(s3rec_context *context, const int32_t *lengths,
                                      size_t count) {
  int64_t *offsets = calloc(count + 1, sizeof *offsets);
  for (size_t u = 0; u < count; u++) offsets[u + 1] = offsets[u] + lengths[u];
  const size_t items = (size_t)offsets[count];
  int32_t *ids = calloc(items, sizeof *ids);
  int32_t *attributed = calloc(items, sizeof *attributed);
  int64_t *attribute_offsets = calloc(items + 1, sizeof *attribute_offsets);
  int32_t *attributes = calloc(2 * items, sizeof *attributes);
  size_t rows = 0;
  for (size_t i = 0; i < items; i++) {
    const int32_t item = ids[i] = (int32_t)i + 1;
    if (item % 4 == 0) continue;
    attributed[rows] = item;
    attributes[2 * rows] = 7 + item % 5;
    attributes[2 * rows + 1] = item % 7;
    ++rows;
  }
  for (size_t r = 0; r <= rows; r++) attribute_offsets[r] = 2 * (int64_t)r;
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = count;
  arrays.item_offsets = offsets;
  arrays.items = ids;
  arrays.attributed_item_count = rows;
  arrays.attributed_items = attributed;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  s3rec_dataset *dataset = NULL;
  const s3rec_status status = s3rec_dataset_from_arrays(context, &arrays, &dataset);
  free(offsets);
  free(ids);
  free(attributed);
  free(attribute_offsets);
  free(attributes);
  if (status != S3REC_OK) ck_assert_int_eq(status, S3REC_ERROR_MEMORY);
  return dataset;
}

size_t fixture_fail_each(s3rec_status (*action)(void *context)) {
  test_hooks hooks;
  s3rec_context *context = test_hooks_context(&hooks);
  const size_t failures = test_every_allocation_fails(&hooks, action, context);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
  return failures;
}
