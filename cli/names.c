/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { ID, TITLE, YEAR, KIND, GENRES, DIRECTOR, SERIES, PART, COLUMN_COUNT, COLUMN_LIMIT = 64 };
static const char *const column_names[COLUMN_COUNT] = {"id",     "title",    "year",   "kind",
                                                       "genres", "director", "series", "part"};

static int read_all(const char *path, FILE *stream, char **text) {
  size_t length = 0;
  /* A NUL byte ends the "line" later than the text; getdelim takes all of it. */
  char *whole = NULL;
  size_t capacity = 0;
  const ssize_t got = getdelim(&whole, &capacity, '\0', stream);
  if (got < 0 && ferror(stream)) {
    free(whole);
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  }
  length = got < 0 ? 0 : (size_t)got;
  if (length > 0 && whole[length - 1] == '\0') {
    free(whole);
    return cli_fail(CLI_BAD_DATA, "%s: holds a NUL byte", path);
  }
  if (got < 0) {
    free(whole);
    whole = calloc(1, 1);
    if (whole == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  }
  *text = whole;
  return CLI_OK;
}

/* Cuts the next line off; control characters become '?', so that a name cannot
 * steer the terminal. */
static char *next_line(char **rest) {
  char *const line = *rest;
  if (*line == '\0') return NULL;
  char *end = line + strcspn(line, "\n");
  *rest = *end == '\0' ? end : end + 1;
  *end = '\0';
  if (end > line && end[-1] == '\r') end[-1] = '\0';
  for (char *c = line; *c != '\0'; c++)
    if ((unsigned char)*c < 0x20 && *c != '\t') *c = '?';
  return line;
}

static int split(char *line, char *fields[COLUMN_LIMIT]) {
  int count = 0;
  while (line != NULL && count < COLUMN_LIMIT) fields[count++] = strsep(&line, "\t");
  return count;
}

static int read_header(const char *path, char *line, int places[COLUMN_COUNT]) {
  char *fields[COLUMN_LIMIT];
  const int count = split(line, fields);
  for (int column = 0; column < COLUMN_COUNT; column++) {
    places[column] = -1;
    for (int i = 0; i < count; i++)
      if (strcmp(fields[i], column_names[column]) == 0) places[column] = i;
  }
  if (places[ID] < 0 || places[TITLE] < 0)
    return cli_fail(CLI_BAD_DATA, "%s:1: the first line must name the columns id and title", path);
  return CLI_OK;
}

static bool read_number(const char *text, long minimum, int32_t *number) {
  char *end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (end == text || *end != '\0' || errno != 0 || value < minimum || value > S3REC_MAX_ITEM_ID)
    return false;
  *number = (int32_t)value;
  return true;
}

static int read_row(const char *path, size_t number, char *line, const int places[COLUMN_COUNT],
                    cli_name *row) {
  char *fields[COLUMN_LIMIT];
  const int count = split(line, fields);
  const char *values[COLUMN_COUNT];
  for (int column = 0; column < COLUMN_COUNT; column++)
    values[column] = places[column] >= 0 && places[column] < count ? fields[places[column]] : "";
  if (!read_number(values[ID], 1, &row->id))
    return cli_fail(CLI_BAD_DATA, "%s:%zu: id '%s' is not a number in 1..%d", path, number,
                    values[ID], S3REC_MAX_ITEM_ID);
  if (values[PART][0] != '\0' && !read_number(values[PART], 0, &row->part))
    return cli_fail(CLI_BAD_DATA, "%s:%zu: part '%s' is not a number", path, number, values[PART]);
  row->title = values[TITLE];
  row->year = values[YEAR];
  row->kind = values[KIND];
  row->genres = values[GENRES];
  row->director = values[DIRECTOR];
  row->series = values[SERIES];
  return CLI_OK;
}

static int by_id(const void *a, const void *b) {
  const int32_t x = ((const cli_name *)a)->id, y = ((const cli_name *)b)->id;
  return (x > y) - (x < y);
}

static int read_rows(const char *path, cli_names *names) {
  size_t lines = 1;
  for (const char *c = names->text; *c != '\0'; c++) lines += *c == '\n';
  names->rows = calloc(lines, sizeof *names->rows);
  if (names->rows == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  char *rest = names->text;
  char *line = next_line(&rest);
  int places[COLUMN_COUNT];
  if (line == NULL) return cli_fail(CLI_BAD_DATA, "%s:1: the file is empty", path);
  CLI_TRY(read_header(path, line, places));
  for (size_t number = 2; (line = next_line(&rest)) != NULL; number++) {
    if (line[0] == '\0') continue;
    CLI_TRY(read_row(path, number, line, places, &names->rows[names->count]));
    names->count++;
  }
  qsort(names->rows, names->count, sizeof *names->rows, by_id);
  return CLI_OK;
}

int cli_names_load(const char *path, cli_names *names) {
  *names = (cli_names){0};
  FILE *const stream = fopen(path, "r");
  if (stream == NULL) {
    if (errno == ENOENT) return CLI_OK;
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  }
  int code = read_all(path, stream, &names->text);
  fclose(stream);
  if (code == CLI_OK) code = read_rows(path, names);
  if (code != CLI_OK) cli_names_free(names);
  return code;
}

void cli_names_free(cli_names *names) {
  free(names->text);
  free(names->rows);
  *names = (cli_names){0};
}

const cli_name *cli_names_find(const cli_names *names, int32_t id) {
  const cli_name key = {.id = id};
  if (names->count == 0) return NULL;
  return bsearch(&key, names->rows, names->count, sizeof key, by_id);
}
