/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "items.h"
#include "popularity.h"
#include "print.h"
#include "recommend.h"

enum { WATCHED_SHOWN = 12, COLUMN_LIMIT = 5, CELL_SIZE = 160 };

/* Cells of one table. A column is as wide as its widest cell. */
typedef struct table {
  int columns;
  size_t rows;
  char (*cells)[COLUMN_LIMIT][CELL_SIZE];
} table;

/* Number of characters: the bytes that begin a character in UTF-8. */
static int text_width(const char *text) {
  int width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

static void print_text_table(const table *t) {
  int widths[COLUMN_LIMIT] = {0};
  for (size_t row = 0; row < t->rows; row++)
    for (int c = 0; c < t->columns; c++) {
      const int width = text_width(t->cells[row][c]);
      if (width > widths[c]) widths[c] = width;
    }
  for (size_t row = 0; row < t->rows; row++) {
    for (int c = 0; c < t->columns; c++) {
      const char *const cell = t->cells[row][c];
      printf("  %s", cell);
      /* No blanks after the last column. */
      if (c + 1 < t->columns) printf("%*s", widths[c] - text_width(cell), "");
    }
    putchar('\n');
  }
}

/* A cell of text from a file. */
static void set_text_cell(table *t, size_t row, int column, const char *text) {
  cli_plain_text(text, t->cells[row][column], CELL_SIZE);
}

static void set_cell(table *t, size_t row, int column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void set_cell(table *t, size_t row, int column, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(t->cells[row][column], CELL_SIZE, format, arguments);
  va_end(arguments);
}

/* Fills the cell of the item and, if there are titles, the next one. */
static void set_item_cells(table *t, size_t row, int column, const cli_recommendation *r,
                           int32_t id) {
  const char *const title = cli_title_of(&r->titles, id);
  const char *const called = cli_name_of(r->item_names, id);
  if (called != NULL)
    set_text_cell(t, row, column, called);
  else
    set_cell(t, row, column, "%" PRId32, id);
  if (r->titles.count > 0) set_text_cell(t, row, column + 1, title == NULL ? "?" : title);
}

static int set_item_heads(table *t, int column, const cli_recommendation *r) {
  set_cell(t, 0, column, "item");
  if (r->titles.count == 0) return column + 1;
  set_cell(t, 0, column + 1, "title");
  return column + 2;
}

static int print_watched(const cli_recommendation *r) {
  const size_t shown = r->history.count < WATCHED_SHOWN ? r->history.count : WATCHED_SHOWN;
  const size_t first = r->history.count - shown;
  table t = {.rows = shown + 1, .cells = calloc(shown + 1, sizeof *t.cells)};
  if (t.cells == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  t.columns = set_item_heads(&t, 0, r);
  for (size_t i = 0; i < shown; i++) set_item_cells(&t, i + 1, 0, r, r->history.ids[first + i]);
  if (r->user >= 0) {
    char user[CELL_SIZE];
    cli_plain_text(r->options->user, user, sizeof user);
    printf("user %s, ", user);
  }
  printf("history of %zu items", r->history.count);
  printf(shown < r->history.count ? ", the last %zu:\n" : ":\n", shown);
  print_text_table(&t);
  free(t.cells);
  return CLI_OK;
}

static int32_t popularity_place(const cli_recommendation *r, int32_t id) {
  if (r->popularity == NULL || id >= r->item_size - 1) return 0;
  return cli_popularity_place(r->popularity, r->item_size, id);
}

static void explain_item(const cli_recommendation *r, int32_t id, char reason[CLI_REASON_SIZE]) {
  const cli_reason_source source = {.titles = &r->titles,
                                    .item_names = r->item_names,
                                    .attribute_names = r->attribute_names,
                                    .dataset = r->dataset};
  cli_reason(&source, r->history.ids, r->history.count, id, reason);
}

static int print_recommended(const cli_recommendation *r) {
  table t = {.rows = r->count + 1, .cells = calloc(r->count + 1, sizeof *t.cells)};
  if (t.cells == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  set_cell(&t, 0, 0, "score");
  t.columns = set_item_heads(&t, 1, r);
  if (r->dataset != NULL) {
    set_cell(&t, 0, t.columns, "popularity");
    set_cell(&t, 0, t.columns + 1, "why");
    t.columns += 2;
  }
  for (size_t i = 0; i < r->count; i++) {
    char reason[CLI_REASON_SIZE];
    set_cell(&t, i + 1, 0, "%.3f", (double)r->scores[i]);
    set_item_cells(&t, i + 1, 1, r, r->ids[i]);
    if (r->dataset == NULL) continue;
    explain_item(r, r->ids[i], reason);
    const int32_t place = popularity_place(r, r->ids[i]);
    if (place > 0) set_cell(&t, i + 1, t.columns - 2, "#%" PRId32, place);
    set_text_cell(&t, i + 1, t.columns - 1, reason);
  }
  printf("\nrecommended next:\n");
  print_text_table(&t);
  free(t.cells);
  return CLI_OK;
}

static json_t *describe_recommended(const cli_recommendation *r, size_t index) {
  const int32_t id = r->ids[index];
  const char *const title = cli_title_of(&r->titles, id);
  json_t *const object =
      json_pack("{s:i, s:f}", "item", (int)id, "score", (double)r->scores[index]);
  cli_json_set_name(object, "name", r->item_names, id);
  if (title != NULL) json_object_set_new(object, "title", cli_json_text(title));
  if (r->dataset != NULL) {
    char reason[CLI_REASON_SIZE];
    explain_item(r, id, reason);
    json_object_set_new(object, "reason", cli_json_text(reason));
    json_object_set_new(object, "popularity_place", json_integer(popularity_place(r, id)));
  }
  return object;
}

static json_t *list_history_names(const cli_recommendation *r) {
  json_t *const list = json_array();
  for (size_t i = 0; i < r->history.count; i++) {
    const char *const name = cli_name_of(r->item_names, r->history.ids[i]);
    json_array_append_new(list, name == NULL ? json_null() : json_string(name));
  }
  return list;
}

static void print_recommendation_json(const cli_recommendation *r) {
  json_t *const object = json_object();
  json_t *const history = json_array(), *const items = json_array();
  for (size_t i = 0; i < r->history.count; i++)
    json_array_append_new(history, json_integer(r->history.ids[i]));
  for (size_t i = 0; i < r->count; i++) json_array_append_new(items, describe_recommended(r, i));
  if (r->user >= 0) json_object_set_new(object, "user", json_integer(r->user + 1));
  if (r->user >= 0 && r->options->events.count > 0)
    json_object_set_new(object, "user_name", cli_json_text(r->options->user));
  json_object_set_new(object, "model", json_string(r->options->model));
  json_object_set_new(object, "history", history);
  if (r->item_names != NULL) json_object_set_new(object, "history_names", list_history_names(r));
  json_object_set_new(object, "recommended", items);
  cli_json_print(object);
}

int cli_print_recommendation(const cli_recommendation *r) {
  if (r->options->json) {
    print_recommendation_json(r);
    return CLI_OK;
  }
  CLI_TRY(print_watched(r));
  if (r->count == 0) {
    printf(
        "\nnothing to recommend: the model knows no item of the history, or all items are left "
        "out\n");
    return CLI_OK;
  }
  return print_recommended(r);
}
