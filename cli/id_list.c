/* SPDX-License-Identifier: Apache-2.0 */
#include "id_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "item_names.h"

static const char separators[] = " ,\t\n";

/* Takes the next word off `at`, in place; "" inside of quotes is one quote. NULL: not ended. */
static char *take_word(char **at) {
  char *const word = *at;
  if (*word != '"') {
    char *const end = word + strcspn(word, separators);
    *at = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
  }
  char *write = word, *read = word + 1;
  for (; *read != '"' || read[1] == '"'; read++) {
    if (*read == '\0') return NULL;
    if (*read == '"') read++;
    *write++ = *read;
  }
  read++;
  if (*read != '\0' && strchr(separators, *read) == NULL) return NULL;
  *at = *read == '\0' ? read : read + 1;
  *write = '\0';
  return word;
}

static int read_names(const cli_options *options, const char *name, char *text,
                      const s3rec_vocabulary *names, cli_ids *list) {
  for (char *at = text + strspn(text, separators); *at != '\0'; at += strspn(at, separators)) {
    const char *const word = take_word(&at);
    if (word == NULL)
      return cli_usage(options, "--%s: a quote is not closed, or something follows it", name);
    CLI_TRY(
        cli_find_name(options, name, "item", "the model", names, word, &list->ids[list->count]));
    list->count++;
  }
  return CLI_OK;
}

static int read_numbers(const cli_options *options, const char *name, const char *text,
                        cli_ids *list) {
  for (const char *at = text + strspn(text, separators); *at != '\0';
       at += strspn(at, separators)) {
    const int length = (int)strcspn(at, separators);
    char *end;
    errno = 0;
    const long long id = strtoll(at, &end, 10);
    if (end != at + length || errno != 0 || id < 1 || id > S3REC_MAX_ITEM_ID)
      return cli_usage(options, "--%s: '%.*s' is not an item id; accepted: 1..%d", name, length, at,
                       S3REC_MAX_ITEM_ID);
    list->ids[list->count++] = (int32_t)id;
    at = end;
  }
  return CLI_OK;
}

int cli_ids_read(const cli_options *options, const char *name, const char *text,
                 const s3rec_vocabulary *names, cli_ids *list) {
  *list = (cli_ids){NULL, 0};
  if (text == NULL) return CLI_OK;
  list->ids = malloc((strlen(text) / 2 + 1) * sizeof *list->ids);
  char *const copy = strdup(text);
  const int code = list->ids == NULL || copy == NULL ? cli_fail(CLI_FAILURE, "out of memory")
                   : names != NULL                   ? read_names(options, name, copy, names, list)
                                                     : read_numbers(options, name, text, list);
  free(copy);
  return code;
}
