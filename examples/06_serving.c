/* SPDX-License-Identifier: Apache-2.0 */
/* A server: several threads ask one recommender, through a filter, while new models are trained
 * and take over. No call waits for a model, fails, or gets an answer that is partly of the old
 * model and partly of the new one. The main thread trains; the workers ask as fast as they can
 * and check every answer.
 *
 * usage: 06_serving SEQUENCES MODEL-FILE-TO-WRITE */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "s3rec/s3rec.h"

enum { WORKERS = 3, VERSIONS = 4, ANSWERS = 100, BEST = 3 };

typedef struct server {
  const char *path;
  s3rec_context *context;
  s3rec_dataset *dataset;
  size_t users;
  s3rec_recommender *recommender;
  s3rec_filter *in_stock;
  int32_t sold_out[2];
  atomic_bool stop;
  /* For the check: the best item of each user in each version, written before the version serves.
   * */
  int32_t *best[VERSIONS];
  atomic_size_t answered[VERSIONS], wrong;
} server;

/* One call for one user. false if it failed, or if the answer is not from the model that it names.
 * */
static bool ask(server *from, size_t user) {
  s3rec_request request;
  s3rec_request_init(&request);
  request.k = BEST;
  request.filter = from->in_stock;
  if (s3rec_dataset_user_items(from->dataset, user, &request.items, &request.item_count) !=
      S3REC_OK)
    return false;
  s3rec_answer *answer = NULL;
  s3rec_ranked_items found;
  s3rec_ranked_items_init(&found);
  bool good = s3rec_recommend_request(from->recommender, &request, &answer) == S3REC_OK &&
              s3rec_answer_get(answer, 0, &found) == S3REC_OK && found.count == BEST;
  if (good) {
    const size_t version = (size_t)found.model_number - 1;
    good = found.ids[0] == from->best[version][user];
    atomic_fetch_add(&from->answered[version], 1);
  }
  s3rec_answer_destroy(answer);
  return good;
}

static void *work(void *argument) {
  server *const from = argument;
  for (size_t i = 0; !atomic_load(&from->stop); i++) {
    if (!ask(from, i % from->users)) atomic_fetch_add(&from->wrong, 1);
  }
  return NULL;
}

/* Computes the answers that a version must give, with a scorer of its model. */
static s3rec_status foresee(server *s, s3rec_model *model, int32_t *best) {
  s3rec_scorer *scorer = NULL;
  s3rec_score_options options;
  s3rec_score_options_init(&options);
  options.excluded = s->sold_out;
  options.excluded_count = 2;
  s3rec_status status = s3rec_scorer_create(model, &scorer);
  for (size_t user = 0; user < s->users && status == S3REC_OK; user++) {
    const int32_t *history;
    size_t count, found;
    status = s3rec_dataset_user_items(s->dataset, user, &history, &count);
    if (status == S3REC_OK)
      status = s3rec_score_next(scorer, history, count, &options, 1, &best[user], NULL, &found);
  }
  s3rec_scorer_destroy(scorer);
  return status;
}

/* Trains one more epoch. The model that serves is read-only, so a copy of it is trained. */
static s3rec_status train(const server *s, s3rec_model *model) {
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, S3REC_STAGE_FINETUNE);
  options.max_seq_length = 20;
  s3rec_sampler *sampler = NULL;
  s3rec_trainer *trainer = NULL;
  s3rec_batch *batch = NULL;
  s3rec_status status = s3rec_sampler_create(s->dataset, &options, &sampler);
  if (status == S3REC_OK) status = s3rec_trainer_create(model, NULL, &trainer);
  if (status == S3REC_OK) status = s3rec_batch_create(s->context, &batch);
  size_t steps = 0;
  if (status == S3REC_OK) status = s3rec_sampler_epoch_size(sampler, NULL, &steps);
  for (size_t step = 0; step < steps && status == S3REC_OK; step++) {
    status = s3rec_sampler_next(sampler, batch);
    if (status == S3REC_OK) status = s3rec_finetune_step(trainer, batch, NULL);
  }
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  return status;
}

/* Trains the next version and lets it serve from a file, as if another process had made it. Saving
 * replaces the file in one step; the model that is mapped from the old file continues to work. */
static s3rec_status next_version(server *s, int version) {
  s3rec_model *serving = NULL, *next = NULL;
  s3rec_exchange_options options;
  s3rec_exchange_options_init(&options);
  options.dataset = s->dataset;
  options.largest_loss = 0.5; /* of the serving model's NDCG@10 */
  s3rec_status status = s3rec_recommender_model(s->recommender, &serving);
  if (status == S3REC_OK) status = s3rec_model_clone(serving, &next);
  if (status == S3REC_OK) status = train(s, next);
  if (status == S3REC_OK) status = foresee(s, next, s->best[version]);
  if (status == S3REC_OK) status = s3rec_model_save(next, s->path);
  if (status == S3REC_OK) status = s3rec_recommender_exchange(s->recommender, s->path, &options);
  s3rec_model_destroy(next);
  s3rec_model_destroy(serving);
  return status;
}

/* The first version: fresh weights, and the popularity of the items for users without a history. */
static s3rec_status first_version(server *s) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  s3rec_status status = s3rec_dataset_info_get(s->dataset, &info);
  if (status != S3REC_OK) return status;
  s->users = info.user_count;
  for (int i = 0; i < VERSIONS; i++) {
    s->best[i] = calloc(s->users, sizeof(int32_t));
    if (s->best[i] == NULL) return S3REC_ERROR_MEMORY;
  }
  s->sold_out[0] = 1;
  s->sold_out[1] = 2;
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = info.item_size;
  config.hidden_size = 16;
  config.num_hidden_layers = 1;
  config.max_seq_length = 20;
  s3rec_model *model = NULL;
  status = s3rec_model_create(s->context, &config, 42, &model);
  if (status == S3REC_OK) status = s3rec_model_count_popularity(model, s->dataset, 2);
  if (status == S3REC_OK) status = foresee(s, model, s->best[0]);
  if (status == S3REC_OK) status = s3rec_model_save(model, s->path);
  s3rec_model_destroy(model);
  return status;
}

static s3rec_status open_server(server *s) {
  s3rec_recommender_options options;
  s3rec_recommender_options_init(&options);
  options.context = s->context;
  const s3rec_status status = s3rec_recommender_open(s->path, &options, &s->recommender);
  if (status != S3REC_OK) return status;
  s3rec_filter_options filter;
  s3rec_filter_options_init(&filter);
  filter.denied = s->sold_out;
  filter.denied_count = 2;
  return s3rec_filter_create(s->recommender, &filter, &s->in_stock);
}

/* Each version gives some answers before the next one comes. */
static void wait_for_answers(server *s, int version) {
  while (atomic_load(&s->answered[version]) < ANSWERS && atomic_load(&s->wrong) == 0)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static s3rec_status serve(server *s) {
  s3rec_status status = S3REC_OK;
  pthread_t threads[WORKERS];
  int started = 0;
  while (started < WORKERS && pthread_create(&threads[started], NULL, work, s) == 0) started++;
  for (int version = 0; version < VERSIONS && started > 0 && status == S3REC_OK; version++) {
    if (version > 0) status = next_version(s, version);
    if (status == S3REC_OK) wait_for_answers(s, version);
  }
  atomic_store(&s->stop, true);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  return status;
}

static s3rec_status report(const server *s) {
  s3rec_recommender_statistics statistics;
  s3rec_recommender_statistics_init(&statistics);
  const s3rec_status status = s3rec_recommender_statistics_get(s->recommender, &statistics);
  for (int version = 0; version < VERSIONS; version++)
    printf("version %d: %zu answers\n", version, atomic_load(&s->answered[version]));
  printf("calls: %" PRIu64 ", failed: %" PRIu64 ", scorers: %" PRIu64 "\n",
         statistics.call_count, statistics.failed_call_count, statistics.scorer_count);
  printf("half of them within %.1f us, 99 of 100 within %.1f us\n",
         s3rec_recommender_latency(&statistics, 0.5) * 1e6,
         s3rec_recommender_latency(&statistics, 0.99) * 1e6);
  printf("wrong: %zu\n", atomic_load(&s->wrong));
  return status;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: %s SEQUENCES MODEL-FILE-TO-WRITE\n", arguments[0]);
    return EXIT_FAILURE;
  }
  server s = {.path = arguments[2]};
  s3rec_status status = s3rec_context_create(NULL, &s.context);
  if (status == S3REC_OK)
    status = s3rec_dataset_load(s.context, arguments[1], NULL, NULL, &s.dataset);
  if (status == S3REC_OK) status = first_version(&s);
  if (status == S3REC_OK) status = open_server(&s);
  if (status == S3REC_OK) status = serve(&s);
  if (status == S3REC_OK) status = report(&s);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  for (int i = 0; i < VERSIONS; i++) free(s.best[i]);
  s3rec_filter_destroy(s.in_stock);
  s3rec_recommender_destroy(s.recommender);
  s3rec_dataset_destroy(s.dataset);
  s3rec_context_destroy(s.context);
  return status == S3REC_OK && atomic_load(&s.wrong) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
