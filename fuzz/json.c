/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a JSON text. jansson must accept the same texts. What is accepted is walked over
 * completely and stays within the text, an index finds what is there, and what the writer makes of
 * it reads back as the same. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "support.h"

enum { DEPTHS = 3 };

static void claim_inside(s3_json outer, s3_json inner) {
  fuzz_claim(inner.length > 0 && inner.begin >= outer.begin &&
                 inner.begin + inner.length <= outer.begin + outer.length,
             "a value leaves the text");
}

/* The text of a value, with a NUL behind it; free() it. */
static char *copy_text(s3_json value, size_t *length) {
  char *const text = malloc(value.length);
  fuzz_claim(text != NULL && value.length >= 2, "a text of %zu bytes", value.length);
  *length = s3_json_text_copy(value, text);
  fuzz_claim(*length + 2 <= value.length && text[*length] == '\0', "%zu bytes of %zu", *length,
             value.length);
  fuzz_claim(s3_json_text_equals(value, text, *length), "a text is not what it is");
  fuzz_claim(!s3_json_text_equals(value, text, *length + 1), "a text is also a longer one");
  return text;
}

static bool same_text(s3_json left, s3_json right) {
  size_t length;
  char *const text = copy_text(left, &length);
  const bool same = s3_json_text_equals(right, text, length);
  free(text);
  return same;
}

static bool is_in_it(s3_json object, s3_json wanted, size_t before) {
  s3_json_walk walk = s3_json_enter(object);
  s3_json key, value;
  for (size_t i = 0; i < before && s3_json_next(&walk, &key, &value); i++)
    if (same_text(key, wanted)) return true;
  return false;
}

/* Every key is found with its own value. Of two equal keys the second is named. */
static void find_all_members(const s3rec_context *context, s3_json object) {
  s3_json_index index = {0};
  s3_json key, value, repeated = {NULL, 0};
  const s3rec_status status = s3_json_index_make(context, object, &index, &repeated);
  if (status != S3REC_OK) {
    fuzz_claim(status == S3REC_ERROR_FORMAT, "%s", s3rec_status_name(status));
    claim_inside(object, repeated);
    size_t place = 0;
    for (s3_json_walk walk = s3_json_enter(object); s3_json_next(&walk, &key, &value); place++)
      if (key.begin == repeated.begin) break;
    fuzz_claim(is_in_it(object, repeated, place), "no key is there twice");
  } else {
    size_t member = 0, length;
    for (s3_json_walk walk = s3_json_enter(object); s3_json_next(&walk, &key, &value); member++) {
      char *const name = copy_text(key, &length);
      fuzz_claim(member < index.count && s3_json_index_key(&index, member).begin == key.begin &&
                     s3_json_index_value(&index, member).length == value.length,
                 "member %zu of %zu is another", member, index.count);
      fuzz_claim(s3_json_index_find(&index, name, length).begin == value.begin,
                 "'%s' is not found", name);
      fuzz_claim(s3_json_member(object, name).begin == value.begin, "'%s' is not a member", name);
      free(name);
    }
    fuzz_claim(member == index.count, "%zu members, the index has %zu", member, index.count);
  }
  s3_json_index_free(context, &index);
}

/* Writes a value that is no container. The writer knows no null. */
static void write_scalar(s3_json_writer *writer, s3_json value) {
  bool truth = false;
  int64_t integer = 0;
  double real = 0;
  size_t length;
  const s3_json_kind kind = s3_json_kind_of(value);
  fuzz_claim(s3_json_truth(value, &truth) == (kind == S3_JSON_TRUTH) &&
                 s3_json_integer(value, &integer) == (kind == S3_JSON_INTEGER) &&
                 s3_json_real(value, &real) == (kind == S3_JSON_REAL || kind == S3_JSON_INTEGER),
             "a value of another kind: %s", s3_json_kind_name(kind));
  if (kind == S3_JSON_TEXT) {
    char *const text = copy_text(value, &length);
    fuzz_claim(strlen(text) == length, "a text has a NUL in it");
    s3_json_put_text(writer, text);
    free(text);
  } else if (kind == S3_JSON_INTEGER) {
    s3_json_put_integer(writer, integer);
  } else if (kind == S3_JSON_REAL) {
    s3_json_put_real(writer, real);
  } else {
    s3_json_put_truth(writer, truth);
  }
}

/* Walks over all of a value and writes it again. */
static void write_whole_value(const s3rec_context *context, s3_json root, s3_json_writer *writer) {
  s3_json_walk walks[S3_JSON_DEEPEST];
  size_t depth = 0;
  s3_json key, value = root;
  for (;;) {
    claim_inside(root, value);
    const s3_json_kind kind = s3_json_kind_of(value);
    if (kind == S3_JSON_OBJECT || kind == S3_JSON_ARRAY) {
      if (kind == S3_JSON_OBJECT) find_all_members(context, value);
      fuzz_claim(depth < S3_JSON_DEEPEST, "deeper than what was checked");
      s3_json_open(writer, kind == S3_JSON_OBJECT ? '{' : '[');
      walks[depth++] = s3_json_enter(value);
    } else {
      write_scalar(writer, value);
    }
    while (depth > 0 && !s3_json_next(&walks[depth - 1], &key, &value))
      s3_json_close(writer, walks[--depth].in_object ? '}' : ']');
    if (depth == 0) return;
    if (!walks[depth - 1].in_object) continue;
    size_t length;
    claim_inside(root, key);
    char *const name = copy_text(key, &length);
    s3_json_put_key(writer, name);
    free(name);
  }
}

static char *write_again(const s3rec_context *context, s3_json root, size_t *count) {
  s3_json_writer writer = {.context = context};
  char *text;
  write_whole_value(context, root, &writer);
  fuzz_ok(s3_json_finish(&writer, &text, count));
  return text;
}

static void check_writing(const s3rec_context *context, s3_json root) {
  size_t first_count, second_count;
  s3_json again;
  char *const first = write_again(context, root, &first_count);
  fuzz_ok(s3_json_check("written", "", first, first_count, S3_JSON_DEEPEST, &again));
  fuzz_claim(again.begin == first && again.length == first_count, "blanks were written");
  char *const second = write_again(context, again, &second_count);
  fuzz_claim(first_count == second_count && memcmp(first, second, first_count) == 0,
             "written once: %s\n  and again: %s", first, second);
  s3_free(context, first);
  s3_free(context, second);
}

static bool jansson_accepts(const char *text, size_t size) {
  json_error_t error;
  json_t *const tree = json_loadb(text, size, JSON_DECODE_ANY, &error);
  json_decref(tree);
  return tree != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const size_t depths[DEPTHS] = {1, 16, S3_JSON_DEEPEST};
  static s3rec_context *context;
  if (context == NULL) context = fuzz_context(1, true);
  const size_t held = fuzz_held();
  const char *const text = (const char *)data;
  /* jansson passes over a NUL behind a number. */
  const bool comparable = size > 0 && memchr(text, '\0', size) == NULL;
  const bool right = comparable && jansson_accepts(text, size);
  for (int i = 0; i < DEPTHS; i++) {
    s3_json root = {NULL, 0}, row = {NULL, 0};
    const char *fault = NULL, *fault_at = NULL;
    const s3rec_status status = s3_json_check("text", "part: ", text, size, depths[i], &root);
    const bool valid = s3_json_is_valid(text, size, depths[i], &row, &fault, &fault_at);
    fuzz_claim(valid == fuzz_succeeds(status), "%s, and the other way round for a row",
               s3rec_status_name(status));
    if (!valid)
      fuzz_claim(fault != NULL && fault_at >= text && fault_at <= text + size, "no fault");
    /* Which texts are too deep for jansson is another matter. */
    if (i == DEPTHS - 1 && comparable && status != S3REC_ERROR_LIMIT)
      fuzz_claim(valid == right, "jansson %s this: %.*s", right ? "accepts" : "refuses",
                 (int)size, text);
    if (valid) check_writing(context, root);
  }
  fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
  return 0;
}
