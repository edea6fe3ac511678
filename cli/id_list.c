/* SPDX-License-Identifier: Apache-2.0 */
#include "id_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char separators[] = " ,\t\n";

int cli_ids_read(const cli_options *options, const char *name, const char *text, cli_ids *list) {
  *list = (cli_ids){NULL, 0};
  if (text == NULL) return CLI_OK;
  list->ids = malloc((strlen(text) / 2 + 1) * sizeof *list->ids);
  if (list->ids == NULL) return cli_fail(CLI_FAILURE, "out of memory");
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
