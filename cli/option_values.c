/* SPDX-License-Identifier: Apache-2.0 */
/* Option values from and to text. The tool never calls setlocale, so numbers
 * have a decimal point everywhere. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

_Static_assert(sizeof(s3rec_activation) == sizeof(int32_t), "words are stored as int32_t");

static void *value_of(const cli_option *option, cli_options *options) {
  return (char *)options + option->offset;
}

static const void *value_in(const cli_option *option, const cli_options *options) {
  return (const char *)options + option->offset;
}

/* Writes the accepted values, such as "1..4096" or "ce or bce". */
static void print_range(const cli_option *option, char *text, size_t capacity) {
  if (option->kind == CLI_WORD) {
    size_t length = 0;
    text[0] = '\0';
    for (const cli_word *word = option->words; word->word != NULL && length < capacity; word++)
      length += (size_t)snprintf(text + length, capacity - length, "%s%s",
                                 word == option->words  ? ""
                                 : word[1].word == NULL ? " or "
                                                        : ", ",
                                 word->word);
  } else if (option->range != NULL) {
    snprintf(text, capacity, "%s", option->range);
  } else if (option->kind == CLI_TEXT) {
    snprintf(text, capacity, "%g..%g bytes", option->minimum, option->maximum);
  } else {
    snprintf(text, capacity, "%.10g..%.10g", option->minimum, option->maximum);
  }
}

static bool refuse_value(const cli_option *option, const char *text, const char *what, char *reason,
                         size_t capacity) {
  char range[128];
  print_range(option, range, sizeof range);
  snprintf(reason, capacity, "--%s: '%s' is not %s; accepted: %s", option->name, text, what, range);
  return false;
}

/* Whether the text is made of these characters: no blanks, hex, inf or nan in a number. */
static bool made_only_of(const char *text, const char *characters) {
  return text[0] != '\0' && text[strspn(text, characters)] == '\0';
}

static bool set_integer_value(const cli_option *option, const char *text, cli_options *options,
                              char *reason, size_t capacity) {
  char *end = NULL;
  errno = 0;
  if (option->kind == CLI_UINT64) {
    const uint64_t value = strtoull(text, &end, 10);
    if (!made_only_of(text, "0123456789") || *end != '\0' || errno != 0)
      return refuse_value(option, text, "a number in range", reason, capacity);
    memcpy(value_of(option, options), &value, sizeof value);
    return true;
  }
  const long long value = strtoll(text, &end, 10);
  if (!made_only_of(text, "-0123456789") || *end != '\0')
    return refuse_value(option, text, "a whole number", reason, capacity);
  if (errno != 0 || (double)value < option->minimum || (double)value > option->maximum)
    return refuse_value(option, text, "in range", reason, capacity);
  const int32_t narrow = (int32_t)value;
  memcpy(value_of(option, options), &narrow, sizeof narrow);
  return true;
}

static bool set_double_value(const cli_option *option, const char *text, cli_options *options,
                             char *reason, size_t capacity) {
  char *end = NULL;
  const double value = strtod(text, &end);
  const bool lowest = isinf(option->minimum) && strcmp(text, "-inf") == 0;
  if (!lowest && (!made_only_of(text, "+-.0123456789eE") || *end != '\0' || end == text))
    return refuse_value(option, text, "a number", reason, capacity);
  if (!(value >= option->minimum && value <= option->maximum))
    return refuse_value(option, text, "in range", reason, capacity);
  memcpy(value_of(option, options), &value, sizeof value);
  return true;
}

static bool set_text_value(const cli_option *option, const char *text, cli_options *options,
                           char *reason, size_t capacity) {
  const double length = (double)strlen(text);
  if (length == 0 && option->minimum > 0) {
    snprintf(reason, capacity, "--%s: the value is empty", option->name);
    return false;
  }
  if (length > option->maximum) return refuse_value(option, text, "short enough", reason, capacity);
  memcpy(value_of(option, options), &text, sizeof text);
  return true;
}

static bool add_list_value(const cli_option *option, const char *text, cli_options *options,
                           char *reason, size_t capacity) {
  cli_list list;
  memcpy(&list, value_of(option, options), sizeof list);
  if (text[0] == '\0' || list.count == CLI_LIST_LIMIT) {
    if (text[0] == '\0')
      snprintf(reason, capacity, "--%s: the value is empty", option->name);
    else
      snprintf(reason, capacity, "--%s is given more than %d times", option->name, CLI_LIST_LIMIT);
    return false;
  }
  list.values[list.count++] = text;
  memcpy(value_of(option, options), &list, sizeof list);
  return true;
}

bool cli_option_set(const cli_option *option, const char *text, cli_options *options, char *reason,
                    size_t capacity) {
  switch (option->kind) {
    case CLI_FLAG: {
      const int32_t on = strcmp(text, "0") != 0;
      memcpy(value_of(option, options), &on, sizeof on);
      return true;
    }
    case CLI_TEXT:
      return set_text_value(option, text, options, reason, capacity);
    case CLI_LIST:
      return add_list_value(option, text, options, reason, capacity);
    case CLI_DOUBLE:
      return set_double_value(option, text, options, reason, capacity);
    case CLI_WORD:
      for (const cli_word *word = option->words; word->word != NULL; word++) {
        if (strcmp(word->word, text) != 0) continue;
        memcpy(value_of(option, options), &word->value, sizeof word->value);
        return true;
      }
      return refuse_value(option, text, "known", reason, capacity);
    case CLI_INT32:
    case CLI_UINT64:
      break;
  }
  return set_integer_value(option, text, options, reason, capacity);
}

const char *cli_option_string(const cli_option *option, const cli_options *options) {
  const char *string;
  memcpy(&string, value_in(option, options), sizeof string);
  return string;
}

void cli_option_copy(const cli_option *option, const cli_options *from, cli_options *to) {
  static const size_t sizes[] = {
      [CLI_FLAG] = sizeof(int32_t),  [CLI_TEXT] = sizeof(char *),     [CLI_LIST] = sizeof(cli_list),
      [CLI_INT32] = sizeof(int32_t), [CLI_UINT64] = sizeof(uint64_t), [CLI_DOUBLE] = sizeof(double),
      [CLI_WORD] = sizeof(int32_t)};
  memcpy(value_of(option, to), value_in(option, from), sizes[option->kind]);
}

void cli_option_print(const cli_option *option, const cli_options *options, char *text,
                      size_t capacity) {
  const void *const value = value_in(option, options);
  text[0] = '\0';
  switch (option->kind) {
    case CLI_TEXT: {
      const char *const string = cli_option_string(option, options);
      if (string != NULL) snprintf(text, capacity, "%s", string);
      return;
    }
    case CLI_LIST: /* each of them is a value, but all together are not */
      return;
    case CLI_DOUBLE: {
      double number;
      memcpy(&number, value, sizeof number);
      /* The shortest text that reads back as the same number. */
      for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, capacity, "%.*g", digits, number);
        if (strtod(text, NULL) == number) return;
      }
      return;
    }
    case CLI_UINT64: {
      uint64_t number;
      memcpy(&number, value, sizeof number);
      snprintf(text, capacity, "%" PRIu64, number);
      return;
    }
    case CLI_FLAG:
    case CLI_INT32:
    case CLI_WORD:
      break;
  }
  int32_t number;
  memcpy(&number, value, sizeof number);
  if (option->kind != CLI_WORD) {
    snprintf(text, capacity, "%" PRId32, number);
    return;
  }
  for (const cli_word *word = option->words; word->word != NULL; word++)
    if (word->value == number) snprintf(text, capacity, "%s", word->word);
}
