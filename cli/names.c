/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Where a field of a line begins, and its length; "" where the line has fewer. */
static const char *find_field(const char *line, int column, size_t *length) {
  for (; column > 0; column--) {
    line += strcspn(line, "\t");
    line += *line == '\t';
  }
  *length = strcspn(line, "\t\r\n");
  return line;
}

/* The column of that name in the first line; -1 without one. */
static int find_column(const char *line, const char *name) {
  for (int column = 0;; column++) {
    size_t length;
    const char *const field = find_field(line, column, &length);
    if (length == strlen(name) && memcmp(field, name, length) == 0) return column;
    if (field[length] != '\t') return -1;
  }
}

static int add_title(cli_names *names, int32_t id, const char *text, size_t length) {
  if ((names->count & (names->count - 1)) == 0) { /* full: the room is a power of two */
    const size_t room = names->count == 0 ? 1 : 2 * names->count;
    cli_title *const titles = realloc(names->titles, room * sizeof *titles);
    if (titles == NULL) return cli_fail(CLI_FAILURE, "out of memory");
    names->titles = titles;
  }
  char *const copy = strndup(text, length);
  if (copy == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  names->titles[names->count++] = (cli_title){id, copy};
  return CLI_OK;
}

static int compare_titles(const void *a, const void *b) {
  const int32_t x = ((const cli_title *)a)->id, y = ((const cli_title *)b)->id;
  return (x > y) - (x < y);
}

static int read_titles(const char *path, FILE *stream, cli_names *names, char **line) {
  size_t capacity = 0, length;
  int id_column = -1, title_column = -1;
  ssize_t got;
  for (size_t number = 1; (got = getline(line, &capacity, stream)) >= 0; number++) {
    if (strlen(*line) != (size_t)got)
      return cli_fail(CLI_BAD_DATA, "%s:%zu: holds a NUL byte", path, number);
    if (number == 1) {
      id_column = find_column(*line, "id");
      title_column = find_column(*line, "title");
      if (id_column >= 0 && title_column >= 0) continue;
      return cli_fail(CLI_BAD_DATA, "%s:1: the first line must name the columns id and title",
                      path);
    }
    if (strcspn(*line, "\r\n") == 0) continue;
    const char *const field = find_field(*line, id_column, &length);
    char *end;
    errno = 0;
    const long id = strtol(field, &end, 10);
    if (length == 0 || end != field + length || errno != 0 || id < 1 || id > S3REC_MAX_ITEM_ID)
      return cli_fail(CLI_BAD_DATA, "%s:%zu: id '%.*s' is not a number in 1..%d", path, number,
                      (int)length, field, S3REC_MAX_ITEM_ID);
    const char *const title = find_field(*line, title_column, &length);
    CLI_TRY(add_title(names, (int32_t)id, title, length));
  }
  if (ferror(stream))
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  if (id_column < 0) return cli_fail(CLI_BAD_DATA, "%s:1: the file is empty", path);
  qsort(names->titles, names->count, sizeof *names->titles, compare_titles);
  return CLI_OK;
}

int cli_names_load(const char *path, cli_names *names) {
  *names = (cli_names){0};
  FILE *const stream = fopen(path, "r");
  if (stream == NULL) {
    if (errno == ENOENT) return CLI_OK;
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  }
  char *line = NULL;
  const int code = read_titles(path, stream, names, &line);
  fclose(stream);
  free(line);
  if (code != CLI_OK) cli_names_free(names);
  return code;
}

void cli_names_free(cli_names *names) {
  for (size_t i = 0; i < names->count; i++) free(names->titles[i].text);
  free(names->titles);
  *names = (cli_names){0};
}

const char *cli_names_title(const cli_names *names, int32_t id) {
  const cli_title key = {.id = id};
  if (names->count == 0) return NULL;
  const cli_title *const found =
      bsearch(&key, names->titles, names->count, sizeof key, compare_titles);
  return found == NULL ? NULL : found->text;
}
