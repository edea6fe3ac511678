/* SPDX-License-Identifier: Apache-2.0 */
/* Makes another safetensors file out of one: changes in the header keep its length right, so that
 * most of them get past the first check. A training state is such a file whose metadata has JSON
 * in a text; numbers are found there as elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { LENGTH_SIZE = 8 };

typedef struct mutation {
  uint8_t *data; /* header and data, without the length before them */
  size_t header, size, capacity;
  uint64_t random;
} mutation;

static size_t below(mutation *m, size_t count) {
  m->random = m->random * 6364136223846793005u + 1442695040888963407u;
  return (size_t)(m->random >> 33) % count;
}

/* A piece of the header becomes other text, when there is room for it. */
static void replace(mutation *m, size_t at, size_t length, const void *text, size_t text_length) {
  if (m->size - length + text_length > m->capacity) return;
  memmove(m->data + at + text_length, m->data + at + length, m->size - at - length);
  memcpy(m->data + at, text, text_length);
  m->size = m->size - length + text_length;
  m->header = m->header - length + text_length;
}

static bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

/* A piece of the header that begins with, or is, one of these bytes, from any place on. */
static bool find_byte(mutation *m, const char *bytes, size_t *at) {
  const size_t start = below(m, m->header);
  for (size_t i = 0; i < m->header; i++) {
    *at = (start + i) % m->header;
    if (m->data[*at] != '\0' && strchr(bytes, m->data[*at]) != NULL) return true;
  }
  return false;
}

static void change_number(mutation *m) {
  static const char *const telling[] = {
      "0", "1", "-1", "2", "3", "12", "255", "256", "65536", "2147483647", "2147483648",
      "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615",
      "1e308", "1e999", "0.5", "1.", "01", "-0", "1e-400", "null", "true", "\"7\"", "[]", "{}"};
  size_t at;
  char text[32];
  if (!find_byte(m, "0123456789", &at)) return;
  while (at > 0 && is_digit(m->data[at - 1])) at--;
  size_t end = at;
  while (end < m->header && is_digit(m->data[end])) end++;
  if (below(m, 2) == 0) {
    const char *const other = telling[below(m, sizeof telling / sizeof *telling)];
    replace(m, at, end - at, other, strlen(other));
    return;
  }
  /* A little more or less than it is: offsets that overlap, a row too many. */
  long long number = 0;
  for (size_t i = at; i < end && i < at + 15; i++) number = number * 10 + (m->data[i] - '0');
  number += (long long)below(m, 17) - 8;
  snprintf(text, sizeof text, "%lld", number);
  replace(m, at, end - at, text, strlen(text));
}

/* From a quotation mark to the next; inside a text that is JSON itself, some other piece. */
static bool find_text(mutation *m, size_t *at, size_t *length) {
  if (!find_byte(m, "\"", at)) return false;
  const uint8_t *const begin = m->data + *at + 1;
  const uint8_t *const end = memchr(begin, '"', m->header - *at - 1);
  if (end == NULL) return false;
  *length = (size_t)(end - begin) + 2;
  return true;
}

static void change_text(mutation *m) {
  static const char *const telling[] = {
      "\"\"", "\"F32\"", "\"F16\"", "\"I64\"", "\"I32\"", "\"U8\"", "\"dtype\"", "\"shape\"",
      "\"data_offsets\"", "\"__metadata__\"", "\"item_embeddings.weight\"", "\"\\u0000\"",
      "\"\\ud800\"", "\"\\u00e9\"", "\"names.item.text\"", "\"state.x\"", "\"item_popularity\""};
  size_t at, length, from, from_length;
  if (!find_text(m, &at, &length)) return;
  if (below(m, 2) == 0) {
    const char *const other = telling[below(m, sizeof telling / sizeof *telling)];
    replace(m, at, length, other, strlen(other));
    return;
  }
  if (!find_text(m, &from, &from_length)) return;
  uint8_t *const copy = malloc(from_length);
  if (copy == NULL) return;
  memcpy(copy, m->data + from, from_length);
  replace(m, at, length, copy, from_length);
  free(copy);
}

/* A member with a bracket pair as its value is doubled or taken out. */
static void change_member(mutation *m) {
  size_t at;
  if (!find_byte(m, "{", &at)) return;
  const uint8_t *const end = memchr(m->data + at, '}', m->header - at);
  if (end == NULL) return;
  size_t begin = at;
  while (begin > 0 && m->data[begin - 1] != ',' && m->data[begin - 1] != '{') begin--;
  size_t after = (size_t)(end - m->data) + 1;
  if (after < m->header && m->data[after] == ',') after++;
  if (below(m, 2) == 0) {
    replace(m, begin, after - begin, "", 0);
    return;
  }
  uint8_t *const copy = malloc(after - begin);
  if (copy == NULL) return;
  memcpy(copy, m->data + begin, after - begin);
  replace(m, begin, 0, copy, after - begin);
  free(copy);
}

/* The fuzzer's own changes, to one of the two parts. */
static void change_bytes(mutation *m, bool header) {
  const size_t begin = header ? 0 : m->header, size = header ? m->header : m->size - m->header;
  const size_t most = size + (m->capacity - m->size);
  uint8_t *const copy = malloc(most + 1);
  if (copy == NULL) return;
  memcpy(copy, m->data + begin, size);
  const size_t changed = LLVMFuzzerMutate(copy, size, most);
  const size_t whole_header = m->header;
  m->header = m->size; /* both parts move as one */
  replace(m, begin, size, copy, changed);
  m->header = header ? changed : whole_header;
  free(copy);
}

/* A float among the data. */
static void change_float(mutation *m) {
  static const uint32_t telling[] = {0, 0x80000000, 0x7f800000, 0x7fc00000, 0x7f7fffff, 1,
                                     0x3f800000, 0xff7fffff};
  const size_t floats = (m->size - m->header) / sizeof(uint32_t);
  if (floats == 0) return;
  const uint32_t value = telling[below(m, sizeof telling / sizeof *telling)];
  memcpy(m->data + m->header + below(m, floats) * sizeof value, &value, sizeof value);
}

static void change_something(mutation *m) {
  const size_t choice = below(m, 10);
  if (m->header == 0 || choice == 9) change_bytes(m, false);
  else if (choice < 3) change_number(m);
  else if (choice < 5) change_text(m);
  else if (choice == 5) change_member(m);
  else if (choice == 6) change_float(m);
  else change_bytes(m, true);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned int seed) {
  uint64_t header = 0;
  mutation m = {.random = seed};
  for (size_t i = 0; i < LENGTH_SIZE && i < size; i++) header |= (uint64_t)data[i] << (8 * i);
  if (size < LENGTH_SIZE || header > size - LENGTH_SIZE || below(&m, 16) == 0)
    return LLVMFuzzerMutate(data, size, capacity);
  m.data = data + LENGTH_SIZE;
  m.header = (size_t)header;
  m.size = size - LENGTH_SIZE;
  m.capacity = capacity - LENGTH_SIZE;
  for (size_t times = 1 + below(&m, 3); times > 0; times--) change_something(&m);
  for (size_t i = 0; i < LENGTH_SIZE; i++) data[i] = (uint8_t)((uint64_t)m.header >> (8 * i));
  return m.size + LENGTH_SIZE;
}
