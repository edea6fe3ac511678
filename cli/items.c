/* SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "print.h"

enum { SIMILAR = 3, COMPARED = 64, SHOWN = 80, CONTAINED = 3 };

const char *cli_name_of(const s3rec_vocabulary *names, int32_t id) {
  const char *name = NULL;
  if (names == NULL || s3rec_vocabulary_name(names, id, &name, NULL) != S3REC_OK) return NULL;
  return name;
}

void cli_json_set_name(json_t *object, const char *key, const s3rec_vocabulary *names, int32_t id) {
  const char *const name = cli_name_of(names, id);
  if (name != NULL) json_object_set_new(object, key, json_string(name));
}

/* Copies the first characters of a name in lower case; returns their number. */
static int fold_name(const char *name, char folded[COMPARED]) {
  int length = 0;
  for (; name[length] != '\0' && length < COMPARED - 1; length++)
    folded[length] = (char)(name[length] >= 'A' && name[length] <= 'Z' ? name[length] - 'A' + 'a'
                                                                       : name[length]);
  folded[length] = '\0';
  return length;
}

static int lesser(int a, int b) { return a < b ? a : b; }

/* The least number of changes that make one name the other. A change inserts, deletes or replaces a
 * character, or swaps two neighbours. */
static int count_edits(const char *a, int a_length, const char *b, int b_length) {
  int rows[3][COMPARED]; /* of i - 2, i - 1 and i characters of a */
  for (int j = 0; j <= b_length; j++) rows[0][j] = j;
  for (int i = 1; i <= a_length; i++) {
    int *const row = rows[i % 3];
    const int *const above = rows[(i - 1) % 3], *const second = rows[(i + 1) % 3];
    row[0] = i;
    for (int j = 1; j <= b_length; j++) {
      row[j] = lesser(lesser(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = lesser(row[j], second[j - 2] + 1);
    }
  }
  return rows[a_length % 3][b_length];
}

/* Fills `ids` with the ids of similar names, the most similar first; returns their number. A name
 * that contains the wanted name counts as a name with CONTAINED changes. */
static int find_similar(const s3rec_vocabulary *names, const char *name, int32_t ids[SIMILAR]) {
  struct {
    int32_t id;
    int edits;
  } best[SIMILAR + 1], kept;
  char wanted[COMPARED], other[COMPARED];
  const int length = fold_name(name, wanted);
  const int limit = length < 6 ? 2 : length / 3;
  const int32_t first = s3rec_vocabulary_first_id(names);
  int found = 0;
  for (int32_t id = first; id < first + (int32_t)s3rec_vocabulary_count(names); id++) {
    const int other_length = fold_name(cli_name_of(names, id), other);
    const bool contained = length >= 3 && strstr(other, wanted) != NULL;
    int edits = contained ? CONTAINED : limit + 1;
    if (abs(length - other_length) <= limit)
      edits = lesser(edits, count_edits(wanted, length, other, other_length));
    if (edits > limit && !contained) continue;
    best[found].id = id;
    best[found].edits = edits;
    for (int i = found; i > 0 && best[i].edits < best[i - 1].edits; i--) {
      kept = best[i];
      best[i] = best[i - 1];
      best[i - 1] = kept;
    }
    if (found < SIMILAR) found++;
  }
  for (int i = 0; i < found; i++) ids[i] = best[i].id;
  return found;
}

int cli_find_name(const cli_options *options, const char *option, const char *what,
                  const char *where, const s3rec_vocabulary *names, const char *name, int32_t *id) {
  if (s3rec_vocabulary_find(names, name, strlen(name), id) == S3REC_OK) return CLI_OK;
  int32_t similar[SIMILAR];
  const int count = find_similar(names, name, similar);
  char list[SIMILAR * (SHOWN + 4)] = "", shown[SHOWN];
  for (int i = 0; i < count; i++) {
    cli_plain_text(cli_name_of(names, similar[i]), shown, sizeof shown);
    const size_t length = strlen(list);
    snprintf(list + length, sizeof list - length, "%s'%s'", i == 0 ? "" : ", ", shown);
  }
  cli_plain_text(name, shown, sizeof shown);
  return cli_usage(options, "--%s: %s has no %s '%s'%s%s", option, where, what, shown,
                   count == 0 ? "" : "; similar: ", list);
}

/* -- titles */

/* The first character of a field and the field's length; 0 if the line has fewer fields. */
static const char *find_title_field(const char *line, int column, size_t *length) {
  for (; column > 0; column--) {
    line += strcspn(line, "\t");
    line += *line == '\t';
  }
  *length = strcspn(line, "\t\r\n");
  return line;
}

/* The column with that name in the first line; -1 if there is none. */
static int find_title_column(const char *line, const char *name) {
  for (int column = 0;; column++) {
    size_t length;
    const char *const field = find_title_field(line, column, &length);
    if (length == strlen(name) && memcmp(field, name, length) == 0) return column;
    if (field[length] != '\t') return -1;
  }
}

static int add_title(cli_titles *titles, int32_t id, const char *text, size_t length) {
  if ((titles->count & (titles->count - 1)) == 0) { /* full: the room is a power of two */
    const size_t room = titles->count == 0 ? 1 : 2 * titles->count;
    cli_title *const rows = realloc(titles->rows, room * sizeof *rows);
    if (rows == NULL) return cli_fail(CLI_FAILURE, "out of memory");
    titles->rows = rows;
  }
  char *const copy = strndup(text, length);
  if (copy == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  titles->rows[titles->count++] = (cli_title){id, copy};
  return CLI_OK;
}

static int compare_titles(const void *a, const void *b) {
  const int32_t x = ((const cli_title *)a)->id, y = ((const cli_title *)b)->id;
  return (x > y) - (x < y);
}

static int read_titles(const char *path, FILE *stream, cli_titles *titles, char **line) {
  size_t capacity = 0, length;
  int id_column = -1, title_column = -1;
  ssize_t got;
  for (size_t number = 1; (got = getline(line, &capacity, stream)) >= 0; number++) {
    if (strlen(*line) != (size_t)got)
      return cli_fail(CLI_BAD_DATA, "%s:%zu: holds a NUL byte", path, number);
    if (number == 1) {
      id_column = find_title_column(*line, "id");
      title_column = find_title_column(*line, "title");
      if (id_column >= 0 && title_column >= 0) continue;
      return cli_fail(CLI_BAD_DATA, "%s:1: the first line must name the columns id and title",
                      path);
    }
    if (strcspn(*line, "\r\n") == 0) continue;
    const char *const field = find_title_field(*line, id_column, &length);
    char *end;
    errno = 0;
    const long id = strtol(field, &end, 10);
    if (length == 0 || end != field + length || errno != 0 || id < 1 || id > S3REC_MAX_ITEM_ID)
      return cli_fail(CLI_BAD_DATA, "%s:%zu: id '%.*s' is not a number in 1..%d", path, number,
                      (int)length, field, S3REC_MAX_ITEM_ID);
    const char *const title = find_title_field(*line, title_column, &length);
    CLI_TRY(add_title(titles, (int32_t)id, title, length));
  }
  if (!feof(stream)) /* without memory, no error flag is set */
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  if (id_column < 0) return cli_fail(CLI_BAD_DATA, "%s:1: the file is empty", path);
  if (titles->count == 0) return CLI_OK;
  qsort(titles->rows, titles->count, sizeof *titles->rows, compare_titles);
  return CLI_OK;
}

int cli_titles_load(const char *path, cli_titles *titles) {
  *titles = (cli_titles){0};
  FILE *const stream = cli_open_stream(path, "r");
  if (stream == NULL) {
    if (errno == ENOENT) return CLI_OK;
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(errno));
  }
  char *line = NULL;
  const int code = read_titles(path, stream, titles, &line);
  fclose(stream);
  free(line);
  if (code != CLI_OK) cli_titles_free(titles);
  return code;
}

void cli_titles_free(cli_titles *titles) {
  for (size_t i = 0; i < titles->count; i++) free(titles->rows[i].text);
  free(titles->rows);
  *titles = (cli_titles){0};
}

const char *cli_title_of(const cli_titles *titles, int32_t id) {
  const cli_title key = {.id = id};
  if (titles->count == 0) return NULL;
  const cli_title *const found =
      bsearch(&key, titles->rows, titles->count, sizeof key, compare_titles);
  return found == NULL ? NULL : found->text;
}

/* -- reasons */

enum {
  RECENT = 20, /* only the latest items of a history are compared */
  NAMED = 2,   /* attributes in the text of a reason */
  NAME_SIZE = 64
};

/* The number of attributes that two items share; `shared` gets the first of them. */
static size_t shared_attributes(const s3rec_dataset *dataset, int32_t a, int32_t b,
                                int32_t shared[NAMED]) {
  const int32_t *x, *y;
  size_t x_count, y_count, found = 0;
  if (s3rec_dataset_item_attributes(dataset, a, &x, &x_count) != S3REC_OK ||
      s3rec_dataset_item_attributes(dataset, b, &y, &y_count) != S3REC_OK)
    return 0;
  for (size_t i = 0; i < x_count; i++)
    for (size_t j = 0; j < y_count; j++) {
      if (x[i] != y[j]) continue;
      if (found < NAMED) shared[found] = x[i];
      found++;
    }
  return found;
}

/* "genre=Drama, decade=1990s and 2 more" or "3 attributes". */
static void list_attributes(const cli_reason_source *source, const int32_t shared[NAMED],
                            size_t count, char *text, size_t capacity) {
  const size_t named = source->attribute_names == NULL ? 0 : count < NAMED ? count : NAMED;
  size_t length = 0;
  for (size_t i = 0; i < named; i++) {
    char name[NAME_SIZE];
    cli_plain_text(cli_name_of(source->attribute_names, shared[i]), name, sizeof name);
    length += (size_t)snprintf(text + length, capacity - length, "%s%s", i == 0 ? "" : ", ", name);
  }
  if (named == 0)
    snprintf(text, capacity, "%zu attribute%s", count, count == 1 ? "" : "s");
  else if (named < count)
    snprintf(text + length, capacity - length, " and %zu more", count - named);
}

void cli_reason(const cli_reason_source *source, const int32_t *history, size_t count, int32_t item,
                char text[CLI_REASON_SIZE]) {
  size_t most = 0;
  text[0] = '\0';
  if (source->dataset == NULL) return;
  for (size_t i = count > RECENT ? count - RECENT : 0; i < count; i++) {
    int32_t attributes[NAMED];
    char list[NAMED * (NAME_SIZE + 2) + 32], title[NAME_SIZE];
    const size_t shared = shared_attributes(source->dataset, item, history[i], attributes);
    if (shared == 0 || shared < most) continue;
    most = shared;
    list_attributes(source, attributes, shared, list, sizeof list);
    const char *name = cli_title_of(source->titles, history[i]);
    if (name == NULL) name = cli_name_of(source->item_names, history[i]);
    if (name != NULL)
      cli_plain_text(name, title, sizeof title);
    else
      snprintf(title, sizeof title, "%" PRId32, history[i]);
    snprintf(text, CLI_REASON_SIZE, "shares %s with %s", list, title);
  }
}
