/* SPDX-License-Identifier: Apache-2.0 */
#include "example_users.h"

#include <stdlib.h>

#include "cli.h"
#include "item_names.h"
#include "json_output.h"
#include "reasons.h"

enum { EXAMPLE_COUNT = 5, HISTORY_SHOWN = 8, RECOMMENDED = 5 };

typedef struct ranked_user {
  int64_t rank;
  size_t user;
} ranked_user;

static int by_rank(const void *a, const void *b) {
  const ranked_user *const x = a, *const y = b;
  if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
  return (x->user > y->user) - (x->user < y->user);
}

static void set_text(json_t *object, const char *key, const char *text) {
  if (text[0] != '\0') json_object_set_new(object, key, cli_json_text(text));
}

/* What the data say about an item: names and attributes, where there are any. */
static json_t *describe_item(const cli_example_source *source, int32_t id) {
  json_t *const object = json_pack("{s:i}", "item", (int)id);
  const char *const title = cli_names_title(&source->names, id);
  cli_json_set_name(object, "name", source->item_names, id);
  const int32_t *attributes;
  size_t count;
  if (title != NULL) set_text(object, "title", title);
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

static int describe_user(const cli_example_source *source, s3rec_scorer *scorer,
                         const ranked_user *chosen, json_t *list) {
  const int32_t *items;
  size_t length;
  s3rec_status status = s3rec_dataset_user_items(source->dataset, chosen->user, &items, &length);
  if (status != S3REC_OK) return cli_fail_status(status);
  length--; /* the answer is the item behind the history */
  s3rec_score_options how;
  s3rec_score_options_init(&how);
  how.include_history = source->include_history;
  int32_t ids[RECOMMENDED];
  float scores[RECOMMENDED];
  size_t count;
  status = s3rec_score_next(scorer, items, length, &how, RECOMMENDED, ids, scores, &count);
  if (status != S3REC_OK) return cli_fail_status(status);
  const cli_reason_source known = {.names = &source->names,
                                   .item_names = source->item_names,
                                   .attribute_names = source->attribute_names,
                                   .dataset = source->dataset};
  json_t *const history = json_array(), *const recommended = json_array();
  for (size_t i = length > HISTORY_SHOWN ? length - HISTORY_SHOWN : 0; i < length; i++)
    json_array_append_new(history, describe_item(source, items[i]));
  for (size_t i = 0; i < count; i++) {
    char reason[CLI_REASON_SIZE];
    json_t *const item = describe_item(source, ids[i]);
    json_object_set_new(item, "score", json_real((double)scores[i]));
    cli_reason(&known, items, length, ids[i], reason);
    set_text(item, "reason", reason);
    json_array_append_new(recommended, item);
  }
  json_t *const user = json_pack("{s:I, s:I, s:o, s:o, s:I, s:o}", "line",
                                 (json_int_t)chosen->user + 1, "history_length", (json_int_t)length,
                                 "history", history, "answer", describe_item(source, items[length]),
                                 "rank", (json_int_t)chosen->rank, "recommended", recommended);
  cli_json_set_name(user, "user", source->user_names, (int32_t)chosen->user);
  json_array_append_new(list, user);
  return CLI_OK;
}

static int choose(const cli_example_source *source, s3rec_scorer *scorer, ranked_user *users,
                  json_t *list) {
  size_t count = 0;
  for (size_t user = 0; user < source->user_count; user++)
    if (source->ranks[user] >= 0 && source->ranks[user] < S3REC_RANK_EXCLUDED)
      users[count++] = (ranked_user){source->ranks[user], user};
  qsort(users, count, sizeof *users, by_rank);
  const size_t shown = count < EXAMPLE_COUNT ? count : EXAMPLE_COUNT;
  /* The middle of each fifth: users at 10, 30, 50, 70 and 90 %. */
  for (size_t i = 0; i < shown; i++)
    CLI_TRY(describe_user(source, scorer, &users[(2 * i + 1) * count / (2 * shown)], list));
  return CLI_OK;
}

int cli_example_users(const cli_example_source *source, json_t **examples) {
  s3rec_scorer *scorer = NULL;
  const s3rec_status status = s3rec_scorer_create(source->model, &scorer);
  if (status != S3REC_OK) return cli_fail_status(status);
  ranked_user *const users = calloc(source->user_count, sizeof *users);
  *examples = json_array();
  const int code = users == NULL || *examples == NULL ? cli_fail(CLI_FAILURE, "out of memory")
                                                      : choose(source, scorer, users, *examples);
  free(users);
  s3rec_scorer_destroy(scorer);
  return code;
}
