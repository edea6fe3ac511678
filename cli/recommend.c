/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec recommend */
#include "recommend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "output.h"
#include "popularity.h"
#include "session.h"

/* Lists of items on the command line: ids, as "12 7 93" or "12,7,93", or names. A name with
 * separators must be in double quotes. */
static const char separators[] = " ,\t\n";

/* Takes the next word off `at`, in place. Inside quotes, "" is one quote. NULL: the quotes are not
 * closed, or something follows them. */
static char *take_list_word(char **at) {
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

static int read_item_names(const cli_options *options, const char *name, char *text,
                           const s3rec_vocabulary *names, cli_ids *list) {
  for (char *at = text + strspn(text, separators); *at != '\0'; at += strspn(at, separators)) {
    const char *const word = take_list_word(&at);
    if (word == NULL)
      return cli_usage(options, "--%s: a quote is not closed, or something follows it", name);
    CLI_TRY(
        cli_find_name(options, name, "item", "the model", names, word, &list->ids[list->count]));
    list->count++;
  }
  return CLI_OK;
}

static int read_item_numbers(const cli_options *options, const char *name, const char *text,
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

/* Reads the value of option `name`. NULL text gives an empty list. `names` are the names of the
 * model's items, or NULL. */
static int read_item_list(const cli_options *options, const char *name, const char *text,
                          const s3rec_vocabulary *names, cli_ids *list) {
  *list = (cli_ids){NULL, 0};
  if (text == NULL) return CLI_OK;
  list->ids = malloc((strlen(text) / 2 + 1) * sizeof *list->ids);
  char *const copy = strdup(text);
  const int code = list->ids == NULL || copy == NULL ? cli_fail(CLI_FAILURE, "out of memory")
                   : names != NULL ? read_item_names(options, name, copy, names, list)
                                   : read_item_numbers(options, name, text, list);
  free(copy);
  return code;
}

static int open_user_data(cli_recommendation *r) {
  CLI_TRY(cli_open_dataset(r->options, r->context, CLI_ATTRIBUTES, r->model, NULL, &r->dataset));
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  s3rec_status status = s3rec_dataset_info_get(r->dataset, &info);
  if (status == S3REC_OK) status = s3rec_dataset_attribute_names(r->dataset, &r->attribute_names);
  if (status != S3REC_OK) return cli_fail_status(status);
  r->item_size = info.item_size;
  r->popularity = cli_popularity_count(r->dataset, info.item_size, 2);
  if (r->popularity == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  if (r->options->data == NULL) return CLI_OK;
  char *const path = cli_path(r->options->data, r->options->name, "_names.tsv");
  if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const int code = cli_titles_load(path, &r->titles);
  free(path);
  return code;
}

/* The user is given as a line of the sequence file. */
static int find_user_by_line(cli_recommendation *r) {
  const char *const text = r->options->user;
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(r->dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  errno = 0;
  const unsigned long long line = strtoull(text, NULL, 10);
  if (text[strspn(text, "0123456789")] != '\0' || errno != 0 || line < 1 || line > info.user_count)
    return cli_usage(r->options, "--user is %s, but %s has users 1..%zu", text, r->options->name,
                     info.user_count);
  r->user = (int64_t)line - 1;
  return CLI_OK;
}

static int find_user(cli_recommendation *r) {
  s3rec_vocabulary *users = NULL;
  const s3rec_status status = s3rec_dataset_user_names(r->dataset, &users);
  if (status != S3REC_OK) return cli_fail_status(status);
  if (users == NULL) return find_user_by_line(r);
  char file[512];
  int32_t user;
  cli_data_file(r->options, file, sizeof file);
  const int code = cli_find_name(r->options, "user", "user", file, users, r->options->user, &user);
  s3rec_vocabulary_destroy(users);
  if (code == CLI_OK) r->user = user;
  return code;
}

/* The history is every item that the user took, held-out items included. */
static int read_user_history(cli_recommendation *r) {
  CLI_TRY(find_user(r));
  const int32_t *items;
  size_t count;
  const s3rec_status status = s3rec_dataset_user_items(r->dataset, (size_t)r->user, &items, &count);
  if (status != S3REC_OK) return cli_fail_status(status);
  r->history.ids = malloc(count * sizeof *items);
  if (r->history.ids == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  memcpy(r->history.ids, items, count * sizeof *items);
  r->history.count = count;
  return CLI_OK;
}

static int score_items(cli_recommendation *r) {
  const size_t k = (size_t)r->options->k;
  r->ids = calloc(k, sizeof *r->ids);
  r->scores = calloc(k, sizeof *r->scores);
  if (r->ids == NULL || r->scores == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  s3rec_score_options how;
  s3rec_score_options_init(&how);
  how.excluded = r->exclude.ids;
  how.excluded_count = r->exclude.count;
  how.candidates = r->candidates.ids;
  how.candidate_count = r->candidates.count;
  s3rec_scorer_options reading;
  s3rec_scorer_options_init(&reading);
  reading.scan = S3REC_SCAN_F32; /* making a compact table takes longer than one query */
  s3rec_scorer *scorer = NULL;
  s3rec_status status = s3rec_scorer_create_with(r->model, &reading, &scorer);
  if (status == S3REC_OK)
    status = s3rec_score_next(scorer, r->history.ids, r->history.count, &how, k, r->ids, r->scores,
                              &r->count);
  s3rec_scorer_destroy(scorer);
  return cli_check_status(status);
}

static int recommend_items(cli_recommendation *r) {
  const cli_options *const options = r->options;
  CLI_TRY(cli_open_context(options, &r->context));
  CLI_TRY(cli_open_model(options, r->context, options->model, CLI_READ_MODEL, &r->model));
  const s3rec_status status = s3rec_model_item_names(r->model, &r->item_names);
  if (status != S3REC_OK) return cli_fail_status(status);
  CLI_TRY(read_item_list(options, "history", options->history, r->item_names, &r->history));
  CLI_TRY(read_item_list(options, "exclude", options->exclude, r->item_names, &r->exclude));
  CLI_TRY(
      read_item_list(options, "candidates", options->candidates, r->item_names, &r->candidates));
  if (options->data != NULL || options->events.count > 0) CLI_TRY(open_user_data(r));
  if (options->user != NULL) CLI_TRY(read_user_history(r));
  CLI_TRY(score_items(r));
  return cli_print_recommendation(r);
}

int cli_recommend(cli_options *options) {
  cli_recommendation r = {.options = options, .user = -1};
  const int code = recommend_items(&r);
  free(r.ids);
  free(r.scores);
  free(r.popularity);
  free(r.history.ids);
  free(r.exclude.ids);
  free(r.candidates.ids);
  cli_titles_free(&r.titles);
  s3rec_vocabulary_destroy(r.item_names);
  s3rec_vocabulary_destroy(r.attribute_names);
  s3rec_model_destroy(r.model);
  s3rec_dataset_destroy(r.dataset);
  s3rec_context_destroy(r.context);
  return code;
}
