/* SPDX-License-Identifier: Apache-2.0 */
#include "test_details.h"

#include <stdlib.h>

#include "items.h"
#include "output.h"
#include "popularity.h"
#include "print.h"

static int add_metric_groups(const cli_training *training, const int64_t *ranks, size_t user_count,
                             json_t *done) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(training->dataset, &info);
  if (status != S3REC_OK) return cli_fail_status(status);
  const bool refit = training->options->run.held_out_count == CLI_REFIT_VALID;
  int64_t *const counts = cli_popularity_count(training->dataset, info.item_size, refit ? 1 : 2);
  if (counts == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  json_object_set_new(done, "by_history_length",
                      cli_by_history_length(training->dataset, ranks, user_count));
  json_object_set_new(done, "by_popularity",
                      cli_by_popularity(training->dataset, counts, ranks, user_count));
  free(counts);
  return CLI_OK;
}

/* -- a few users, with recommendations and the rank of their held-out item */

typedef struct example_source {
  s3rec_model *model;
  const s3rec_dataset *dataset;
  cli_titles titles;
  s3rec_vocabulary *item_names, *user_names, *attribute_names; /* of the data, or NULL */
  const int64_t *ranks; /* on the test split, one per user, as s3rec_evaluate gives them */
  size_t user_count;
  bool include_history; /* items of the history are recommended too */
} example_source;

enum { EXAMPLE_COUNT = 5, HISTORY_SHOWN = 8, RECOMMENDED = 5 };

typedef struct ranked_user {
  int64_t rank;
  size_t user;
} ranked_user;

static int compare_users_by_rank(const void *a, const void *b) {
  const ranked_user *const x = a, *const y = b;
  if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
  return (x->user > y->user) - (x->user < y->user);
}

static void set_known_text(json_t *object, const char *key, const char *text) {
  if (text[0] != '\0') json_object_set_new(object, key, cli_json_text(text));
}

/* What the data hold about an item: names and attributes, if there are any. */
static json_t *describe_example_item(const example_source *source, int32_t id) {
  json_t *const object = json_pack("{s:i}", "item", (int)id);
  const char *const title = cli_title_of(&source->titles, id);
  cli_json_set_name(object, "name", source->item_names, id);
  const int32_t *attributes;
  size_t count;
  if (title != NULL) set_known_text(object, "title", title);
  if (s3rec_dataset_item_attributes(source->dataset, id, &attributes, &count) == S3REC_OK &&
      count > 0) {
    json_t *const list = json_array(), *const names = json_array();
    for (size_t i = 0; i < count; i++) {
      const char *const attribute = cli_name_of(source->attribute_names, attributes[i]);
      json_array_append_new(list, json_integer(attributes[i]));
      if (attribute != NULL) json_array_append_new(names, json_string(attribute));
    }
    json_object_set_new(object, "attributes", list);
    if (source->attribute_names != NULL) json_object_set(object, "attribute_names", names);
    json_decref(names);
  }
  return object;
}

static int describe_example_user(const example_source *source, s3rec_scorer *scorer,
                                 const ranked_user *chosen, json_t *list) {
  const int32_t *items;
  size_t length;
  s3rec_status status = s3rec_dataset_user_items(source->dataset, chosen->user, &items, &length);
  if (status != S3REC_OK) return cli_fail_status(status);
  length--; /* the last item is held out */
  s3rec_score_options how;
  s3rec_score_options_init(&how);
  how.include_history = source->include_history;
  int32_t ids[RECOMMENDED];
  float scores[RECOMMENDED];
  size_t count;
  status = s3rec_score_next(scorer, items, length, &how, RECOMMENDED, ids, scores, &count);
  if (status != S3REC_OK) return cli_fail_status(status);
  const cli_reason_source known = {.titles = &source->titles,
                                   .item_names = source->item_names,
                                   .attribute_names = source->attribute_names,
                                   .dataset = source->dataset};
  json_t *const history = json_array(), *const recommended = json_array();
  for (size_t i = length > HISTORY_SHOWN ? length - HISTORY_SHOWN : 0; i < length; i++)
    json_array_append_new(history, describe_example_item(source, items[i]));
  for (size_t i = 0; i < count; i++) {
    char reason[CLI_REASON_SIZE];
    json_t *const item = describe_example_item(source, ids[i]);
    json_object_set_new(item, "score", json_real((double)scores[i]));
    cli_reason(&known, items, length, ids[i], reason);
    set_known_text(item, "reason", reason);
    json_array_append_new(recommended, item);
  }
  json_t *const user =
      json_pack("{s:I, s:I, s:o, s:o, s:I, s:o}", "line", (json_int_t)chosen->user + 1,
                "history_length", (json_int_t)length, "history", history, "answer",
                describe_example_item(source, items[length]), "rank", (json_int_t)chosen->rank,
                "recommended", recommended);
  cli_json_set_name(user, "user", source->user_names, (int32_t)chosen->user);
  json_array_append_new(list, user);
  return CLI_OK;
}

static int choose_examples(const example_source *source, s3rec_scorer *scorer, ranked_user *users,
                           json_t *list) {
  size_t count = 0;
  for (size_t user = 0; user < source->user_count; user++)
    if (source->ranks[user] >= 0 && source->ranks[user] < S3REC_RANK_EXCLUDED)
      users[count++] = (ranked_user){source->ranks[user], user};
  qsort(users, count, sizeof *users, compare_users_by_rank);
  const size_t shown = count < EXAMPLE_COUNT ? count : EXAMPLE_COUNT;
  /* The middle of each fifth: users at 10, 30, 50, 70 and 90 %. */
  for (size_t i = 0; i < shown; i++)
    CLI_TRY(describe_example_user(source, scorer, &users[(2 * i + 1) * count / (2 * shown)], list));
  return CLI_OK;
}

/* Five users with good to bad ranks, at even distances in the order of ranks, as an array of
 * objects for the log (docs/file-format.md). Users with a held-out item that is not ranked do not
 * take part. */
static int describe_examples(const example_source *source, json_t **examples) {
  s3rec_scorer *scorer = NULL;
  const s3rec_status status = s3rec_scorer_create(source->model, &scorer);
  if (status != S3REC_OK) return cli_fail_status(status);
  ranked_user *const users = calloc(source->user_count, sizeof *users);
  *examples = json_array();
  const int code = users == NULL || *examples == NULL
                       ? cli_fail(CLI_FAILURE, "out of memory")
                       : choose_examples(source, scorer, users, *examples);
  free(users);
  s3rec_scorer_destroy(scorer);
  return code;
}

/* Events hold names themselves. With --data there may be a file of titles. */
static int load_example_names(const cli_options *options, example_source *source) {
  s3rec_status status = s3rec_dataset_item_names(source->dataset, &source->item_names);
  if (status == S3REC_OK) status = s3rec_dataset_user_names(source->dataset, &source->user_names);
  if (status == S3REC_OK)
    status = s3rec_dataset_attribute_names(source->dataset, &source->attribute_names);
  if (status != S3REC_OK) return cli_fail_status(status);
  if (options->data == NULL) return CLI_OK;
  char *const path = cli_path(options->data, options->name, "_names.tsv");
  if (path == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const int code = cli_titles_load(path, &source->titles);
  free(path);
  return code;
}

int cli_test_details(const cli_training *training, s3rec_model *model, const int64_t *ranks,
                     size_t user_count, json_t *done) {
  const cli_options *const options = training->options;
  CLI_TRY(add_metric_groups(training, ranks, user_count, done));
  example_source source = {.model = model,
                           .dataset = training->dataset,
                           .ranks = ranks,
                           .user_count = user_count,
                           .include_history = options->evaluate.seen == S3REC_SEEN_INCLUDE};
  int code = load_example_names(options, &source);
  json_t *examples = NULL;
  if (code == CLI_OK) code = describe_examples(&source, &examples);
  if (code == CLI_OK) json_object_set(done, "examples", examples);
  json_decref(examples);
  cli_titles_free(&source.titles);
  s3rec_vocabulary_destroy(source.item_names);
  s3rec_vocabulary_destroy(source.user_names);
  s3rec_vocabulary_destroy(source.attribute_names);
  return code;
}
