/* SPDX-License-Identifier: Apache-2.0 */
/* What the runs were told; of several runs what differs comes first. */
#include <string.h>

#include "html/page.h"
#include "html/table.h"
#include "sections.h"

/* A row: text at a path of the object that begins a run. */
typedef struct entry {
  const char *group, *key, *title;
} entry;

static const entry fixed[] = {{NULL, "command", "stage"},
                              {"data", "name", "data"},
                              {"data", "fingerprint", "fingerprint of the data"},
                              {NULL, "model", "starts from"},
                              {NULL, "version", "s3rec"}};

static bool differs(const log_runs *runs, const entry *e) {
  const char *const first = log_text(runs->runs[0].begin, e->group, e->key);
  for (size_t i = 1; i < runs->count; i++)
    if (strcmp(log_text(runs->runs[i].begin, e->group, e->key), first) != 0) return true;
  return false;
}

static void write_entry(FILE *stream, const log_runs *runs, const entry *e, bool different) {
  if (differs(runs, e) != different) return;
  html_row_begin(stream, different ? "differs" : NULL);
  html_row_head(stream, HTML_WORD, "%s", e->title);
  for (size_t i = 0; i < runs->count; i++)
    html_row_cell(stream, HTML_WORD, "%s", log_text(runs->runs[i].begin, e->group, e->key));
  html_row_end(stream);
}

/* Whether an earlier run has the option, so that its row is there. */
static bool known(const log_runs *runs, size_t before, const char *key) {
  for (size_t i = 0; i < before; i++)
    if (json_object_get(json_object_get(runs->runs[i].begin, "options"), key) != NULL) return true;
  return false;
}

static void write_entries(FILE *stream, const log_runs *runs, bool different) {
  for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
    write_entry(stream, runs, &fixed[i], different);
  for (size_t i = 0; i < runs->count; i++) {
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(runs->runs[i].begin, "options"), key, value) {
      const entry e = {"options", key, key};
      if (!known(runs, i, key)) write_entry(stream, runs, &e, different);
    }
  }
}

void report_configuration(FILE *stream, const log_runs *runs) {
  html_section_begin(stream, "configuration", "Configuration");
  html_table_begin(stream, runs->count > 1 ? "Options; those that differ are bold" : "Options");
  html_head_begin(stream);
  html_head_cell(stream, HTML_WORD, "Option");
  for (size_t i = 0; i < runs->count; i++)
    html_head_cell(stream, HTML_WRAP, runs->count > 1 ? runs->runs[i].name : "Value");
  html_head_end(stream);
  write_entries(stream, runs, true);
  write_entries(stream, runs, false);
  html_table_end(stream);
  html_section_end(stream);
}
