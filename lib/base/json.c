/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdbool.h>
#include <string.h>

/* Where jansson runs out of memory it often sets no reason, and the code is then
 * not set either; and a string it cannot keep it calls a wrong token, though one
 * that ends with its quotation mark never is. */
static bool is_memory(const char *text, const json_error_t *error) {
  static const char *const wrong_token[] = {"invalid token", "string or '}' expected"};
  if (error->text[0] == '\0' || json_error_code(error) == json_error_out_of_memory) return true;
  if (error->position < 1 || text[error->position - 1] != '"') return false;
  for (int i = 0; i < 2; i++)
    if (strncmp(error->text, wrong_token[i], strlen(wrong_token[i])) == 0) return true;
  return false;
}

s3rec_status s3_fail_json(const char *path, const char *part, const char *text,
                          const json_error_t *error) {
  if (is_memory(text, error))
    return s3_fail(S3REC_ERROR_MEMORY, "%s: %sno memory to read the JSON text", path, part);
  return s3_fail(S3REC_ERROR_FORMAT, "%s:%d:%d: %s%s", path, error->line > 0 ? error->line : 1,
                 error->column > 0 ? error->column : 1, part, error->text);
}
