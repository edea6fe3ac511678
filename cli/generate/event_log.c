/* SPDX-License-Identifier: Apache-2.0 */
#include "generate/event_log.h"

#include <inttypes.h>
#include <time.h>

enum {
  MINUTE = 60,
  HOUR = 3600,
  DAY = 86400,
  BEGIN_DAYS = 300, /* in which viewers join */
  PAUSE = 30        /* per cent: not on the same evening */
};
static const int64_t first_day = 1704067200; /* 2024-01-01 */

void gen_event_log_begin(FILE *events, FILE *attributes) {
  fputs("user,item,timestamp,rating\n", events);
  fputs("item,genre,kind,decade,director,series\n", attributes);
}

/* "The Glass Migration", item 11, is the-glass-migration-11: a word for command lines, and
 * no other item's. */
static void write_item(FILE *stream, const gen_catalogue *catalogue, int32_t id) {
  bool gap = false;
  for (const char *c = catalogue->items[id].title; *c != '\0'; c++) {
    const bool capital = *c >= 'A' && *c <= 'Z';
    const bool kept = capital || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');
    if (kept && gap) fputc('-', stream);
    if (kept) fputc(capital ? *c - 'A' + 'a' : *c, stream);
    if (*c != '\'') gap = !kept;
  }
  fprintf(stream, "-%" PRId32, id);
}

void gen_event_log_viewer(FILE *events, uint64_t seed, const gen_catalogue *catalogue, int32_t user,
                          const int32_t *history, int32_t count) {
  gen_random random = gen_stream(seed, GEN_TIMES, (uint64_t)user);
  int64_t seconds =
      first_day + (int64_t)gen_below(&random, BEGIN_DAYS) * DAY + (int64_t)gen_below(&random, DAY);
  for (int32_t i = 0; i < count; i++) {
    const time_t moment = (time_t)seconds;
    struct tm date;
    char text[32];
    gmtime_r(&moment, &date);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &date);
    const uint32_t a = gen_below(&random, 5), b = gen_below(&random, 5);
    fprintf(events, "viewer-%" PRId32 ",", user);
    write_item(events, catalogue, history[i]);
    fprintf(events, ",%s,%" PRIu32 "\n", text, 1 + (a > b ? a : b)); /* few are bad */
    seconds += HOUR + MINUTE * (int64_t)gen_below(&random, 90);
    if (gen_chance(&random, PAUSE)) seconds += DAY * (int64_t)(1 + gen_below(&random, 6));
  }
}

void gen_event_log_items(FILE *attributes, const gen_catalogue *catalogue) {
  for (int32_t id = 1; id <= catalogue->item_count; id++) {
    const gen_item *const item = &catalogue->items[id];
    write_item(attributes, catalogue, id);
    fputc(',', attributes);
    for (int32_t g = 0; g < item->genre_count; g++)
      fprintf(attributes, "%s%s", g == 0 ? "" : "|", gen_genre_names[item->genres[g]]);
    fprintf(attributes, ",%s,%ds,%s,", gen_kind_names[item->kind],
            GEN_FIRST_YEAR + 10 * (int)gen_decade(item), catalogue->directors[item->director].name);
    if (item->series >= 0) fprintf(attributes, "\"%s\"", catalogue->series[item->series].title);
    fputc('\n', attributes);
  }
}
