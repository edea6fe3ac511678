/* SPDX-License-Identifier: Apache-2.0 */
/* Example users: history, recommendations and held-out item. */
#include <string.h>

#include "page.h"
#include "print.h"
#include "report.h"

enum { ATTRIBUTES_SHOWN = 8 };

static size_t print_attribute(const json_t *attribute, size_t index, char *text, size_t capacity) {
  const char *const separator = index == 0 ? ", attributes " : ", ";
  char name[48];
  if (!json_is_string(attribute))
    return (size_t)snprintf(text, capacity, "%s%.0f", separator, json_number_value(attribute));
  cli_plain_text(json_string_value(attribute), name, sizeof name);
  return (size_t)snprintf(text, capacity, "%s%s", separator, name);
}

/* "Title, attributes 3, 8, 15" or "item 4711". */
static void print_item_text(const json_t *item, char *text, size_t capacity) {
  const char *const title = log_text(item, NULL, "title"), *const name =
                                                               log_text(item, NULL, "name");
  const json_t *const names = json_object_get(item, "attribute_names");
  size_t length, index;
  json_t *attribute;
  char shown[200];
  cli_plain_text(title[0] != '\0' ? title : name, shown, sizeof shown);
  if (shown[0] != '\0')
    length = (size_t)snprintf(text, capacity, "%s", shown);
  else
    length = (size_t)snprintf(text, capacity, "item %.0f", log_number(item, NULL, "item"));
  const json_t *const attributes = names != NULL ? names : json_object_get(item, "attributes");
  json_array_foreach(attributes, index, attribute) {
    if (length >= capacity || index > ATTRIBUTES_SHOWN) return;
    if (index == ATTRIBUTES_SHOWN)
      length += (size_t)snprintf(text + length, capacity - length, ", \xe2\x80\xa6");
    else
      length += print_attribute(attribute, index, text + length, capacity - length);
  }
}

static void write_user_history(FILE *stream, const json_t *user) {
  const json_t *const history = json_object_get(user, "history");
  const double length = log_number(user, NULL, "history_length");
  const size_t shown = json_array_size(history);
  char text[512];
  size_t index;
  json_t *item;
  if (length > (double)shown)
    fprintf(stream, "<p>History, the last %zu of %.0f items, oldest first:</p>\n", shown, length);
  else
    fputs("<p>History, oldest first:</p>\n", stream);
  fputs("<ul class=\"items\">\n", stream);
  json_array_foreach(history, index, item) {
    print_item_text(item, text, sizeof text);
    fputs("<li><bdi>", stream);
    html_text(stream, text);
    fputs("</bdi></li>\n", stream);
  }
  fputs("</ul>\n", stream);
}

static void write_recommended(FILE *stream, const json_t *user) {
  const json_t *const recommended = json_object_get(user, "recommended");
  const double answer = log_number(user, "answer", "item");
  char text[512];
  size_t index;
  json_t *item;
  html_table_begin(stream, "Recommended next");
  html_head_begin(stream);
  html_head_cell(stream, HTML_NUMBER, "Place");
  html_head_cell(stream, HTML_WORD, "Item");
  html_head_cell(stream, HTML_NUMBER, "Score");
  html_head_cell(stream, HTML_WORD, "Why that makes sense");
  html_head_end(stream);
  json_array_foreach(recommended, index, item) {
    const bool hit = log_number(item, NULL, "item") == answer;
    print_item_text(item, text, sizeof text);
    html_row_begin(stream, hit ? "hit" : NULL);
    html_row_head(stream, HTML_NUMBER, "%zu", index + 1);
    html_row_cell(stream, HTML_WRAP, "%s%s", text, hit ? " (the held-out item)" : "");
    html_row_cell(stream, HTML_NUMBER, "%.3f", log_number(item, NULL, "score"));
    cli_plain_text(log_text(item, NULL, "reason"), text, sizeof text);
    html_row_cell(stream, HTML_WRAP, "%s", text);
    html_row_end(stream);
  }
  html_table_end(stream);
}

static void write_example_user(FILE *stream, const json_t *user) {
  char text[512];
  fputs("<article class=\"user\">\n<h3>", stream);
  const char *const name = log_text(user, NULL, "user");
  if (name[0] != '\0') {
    cli_plain_text(name, text, 200);
    fputs("User <bdi>", stream);
    html_text(stream, text);
    fputs("</bdi>", stream);
  } else {
    html_format(stream, "User on line %.0f", log_number(user, NULL, "line"));
  }
  html_format(stream, ": the held-out item came at place %.0f", log_number(user, NULL, "rank") + 1);
  fputs("</h3>\n", stream);
  write_user_history(stream, user);
  print_item_text(json_object_get(user, "answer"), text, sizeof text);
  fputs("<p>Held out: <strong><bdi>", stream);
  html_text(stream, text);
  fputs("</bdi></strong></p>\n", stream);
  write_recommended(stream, user);
  fputs("</article>\n", stream);
}

static void write_run_users(FILE *stream, const log_run *run, bool several) {
  size_t index;
  json_t *user;
  if (several) {
    fputs("<details open>\n<summary><bdi>", stream);
    html_text(stream, run->name);
    fputs("</bdi></summary>\n", stream);
  }
  json_array_foreach(json_object_get(run->done, "examples"), index, user)
      write_example_user(stream, user);
  if (several) fputs("</details>\n", stream);
}

void report_examples(FILE *stream, const log_runs *runs) {
  bool any = false;
  for (size_t i = 0; i < runs->count; i++)
    any = any || json_array_size(json_object_get(runs->runs[i].done, "examples")) > 0;
  if (!any) return;
  html_section_begin(stream, "examples", "Example users");
  fputs(
      "<p class=\"soft\">All users are ordered by the place of their held-out item; these are in "
      "the "
      "middle of each fifth, the best first. All items can be recommended. Reasons are looked up "
      "in "
      "the data afterwards; the model does not use them.</p>\n",
      stream);
  for (size_t i = 0; i < runs->count; i++)
    if (json_array_size(json_object_get(runs->runs[i].done, "examples")) > 0)
      write_run_users(stream, &runs->runs[i], runs->count > 1);
  html_section_end(stream);
}
