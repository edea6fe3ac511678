/* SPDX-License-Identifier: Apache-2.0 */
#include "data_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *counted_allocate(size_t size, size_t alignment, void *user_data) {
  fixture_memory *memory = user_data;
  if (++memory->calls == memory->fail_at) return NULL;
  void *block = NULL;
  if (posix_memalign(&block, alignment, size) != 0) return NULL;
  ++memory->live;
  return block;
}

static void counted_deallocate(void *block, size_t size, void *user_data) {
  fixture_memory *memory = user_data;
  (void)size;
  --memory->live;
  free(block);
}

s3rec_context *fixture_context(fixture_memory *memory) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.allocate = counted_allocate;
  options.deallocate = counted_deallocate;
  options.allocator_user_data = memory;
  s3rec_context *context = NULL;
  ck_assert_int_eq(s3rec_context_create(&options, &context), S3REC_OK);
  return context;
}

static char folder[64];
enum { NAMES = 8 };
static char paths[NAMES][128];
static size_t path_count;

const char *fixture_file(const char *name, const void *bytes, size_t count) {
  if (folder[0] == '\0') {
    snprintf(folder, sizeof folder, "/tmp/s3rec-data-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
  }
  char path[sizeof paths[0]];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  size_t known = 0;
  while (known < path_count && strcmp(paths[known], path) != 0) ++known;
  ck_assert_uint_lt(known, NAMES);
  if (known == path_count) strcpy(paths[path_count++], path);
  FILE *file = fopen(paths[known], "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
  ck_assert_int_eq(fclose(file), 0);
  return paths[known];
}

const char *fixture_text(const char *name, const char *text) {
  return fixture_file(name, text, strlen(text));
}

void fixture_clean(void) {
  for (size_t i = 0; i < path_count; ++i) unlink(paths[i]);
  if (folder[0] != '\0') rmdir(folder);
  path_count = 0;
  folder[0] = '\0';
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
  for (size_t u = 0; u < count; ++u) offsets[u + 1] = offsets[u] + lengths[u];
  const size_t items = (size_t)offsets[count];
  int32_t *ids = calloc(items, sizeof *ids);
  int32_t *attributed = calloc(items, sizeof *attributed);
  int64_t *attribute_offsets = calloc(items + 1, sizeof *attribute_offsets);
  int32_t *attributes = calloc(2 * items, sizeof *attributes);
  size_t rows = 0;
  for (size_t i = 0; i < items; ++i) {
    const int32_t item = ids[i] = (int32_t)i + 1;
    if (item % 4 == 0) continue;
    attributed[rows] = item;
    attributes[2 * rows] = 7 + item % 5;
    attributes[2 * rows + 1] = item % 7;
    ++rows;
  }
  for (size_t r = 0; r <= rows; ++r) attribute_offsets[r] = 2 * (int64_t)r;
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

size_t fixture_fail_each(s3rec_status (*scenario)(s3rec_context *context)) {
  for (size_t failures = 0;; ++failures) {
    fixture_memory memory = {0};
    s3rec_context *context = fixture_context(&memory);
    memory.fail_at = memory.calls + failures + 1;
    const s3rec_status status = scenario(context);
    const size_t calls = memory.calls;
    s3rec_context_destroy(context);
    ck_assert_uint_eq(memory.live, 0);
    if (calls < memory.fail_at) {
      ck_assert_int_eq(status, S3REC_OK);
      return failures;
    }
    ck_assert_int_eq(status, S3REC_ERROR_MEMORY);
    ck_assert_str_ne(s3rec_last_error(), "");
  }
}
