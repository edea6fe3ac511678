/* SPDX-License-Identifier: Apache-2.0 */
/* Serves from several threads while new models are trained and put in place: no request waits
 * for a model, fails, or gets an answer that is partly the old one's and partly the new one's.
 * The main thread trains; the workers answer as fast as they can and check every answer.
 *
 * usage: 06_hot_swap SEQUENCES */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "s3rec/s3rec.h"

enum { WORKERS = 3, VERSIONS = 4, REQUESTS = 100 }; /* each version answers at least so many */

typedef struct server {
  const s3rec_dataset *dataset;
  size_t users;
  pthread_mutex_t mutex;   /* of `model` */
  s3rec_model *model;      /* the newest */
  atomic_int version;      /* of `model`, from 0; changes under the mutex */
  atomic_bool stop;
  /* To check: the best item of each user by each version, written before it is published. */
  int32_t *best[VERSIONS];
  atomic_size_t answered[VERSIONS], wrong;
} server;

/* What a worker answers with. */
typedef struct seat {
  s3rec_scorer *scorer;
  int version;
} seat;

/* Before each request: two loads while nothing has changed. The mutex covers the moment in which
 * the scorer takes its reference, after which the model cannot go away. The old scorer gives its
 * reference back, and the last one of a version takes the old model with it. */
static s3rec_status refresh(seat *s, server *from) {
  if (s->scorer != NULL && s->version == atomic_load(&from->version)) return S3REC_OK;
  s3rec_scorer *scorer;
  pthread_mutex_lock(&from->mutex);
  const s3rec_status status = s3rec_scorer_create(from->model, &scorer);
  const int version = atomic_load(&from->version);
  pthread_mutex_unlock(&from->mutex);
  if (status != S3REC_OK) return status; /* a server goes on with the scorer it has */
  s3rec_scorer_destroy(s->scorer);
  *s = (seat){scorer, version};
  return S3REC_OK;
}

static s3rec_status answer(s3rec_scorer *scorer, const server *from, size_t user, int32_t *item) {
  const int32_t *history;
  size_t count, found;
  const s3rec_status status = s3rec_dataset_user_items(from->dataset, user, &history, &count);
  if (status != S3REC_OK) return status;
  return s3rec_score_next(scorer, history, count, NULL, 1, item, NULL, &found);
}

static void *work(void *argument) {
  server *const from = argument;
  seat s = {NULL, 0};
  for (size_t i = 0; !atomic_load(&from->stop); i++) {
    const size_t user = i % from->users;
    int32_t item = 0;
    s3rec_status status = refresh(&s, from);
    if (status == S3REC_OK) status = answer(s.scorer, from, user, &item);
    if (status != S3REC_OK || item != from->best[s.version][user])
      atomic_fetch_add(&from->wrong, 1);
    atomic_fetch_add(&from->answered[s.version], 1);
  }
  s3rec_scorer_destroy(s.scorer);
  return NULL;
}

/* Puts a model in place, which then belongs to the server. What a new model needs is made before
 * anybody waits for it: its first scorer builds the compact item table that all share. */
static s3rec_status publish(server *to, s3rec_model *model, int version) {
  s3rec_scorer *first = NULL;
  s3rec_status status = s3rec_scorer_create(model, &first);
  for (size_t user = 0; user < to->users && status == S3REC_OK; user++)
    status = answer(first, to, user, &to->best[version][user]);
  s3rec_model *unused = model;
  if (status == S3REC_OK) {
    pthread_mutex_lock(&to->mutex);
    unused = to->model;
    to->model = model;
    atomic_store(&to->version, version);
    pthread_mutex_unlock(&to->mutex);
  }
  s3rec_scorer_destroy(first);
  s3rec_model_destroy(unused); /* one reference: scorers at work still hold theirs */
  return status;
}

/* A newly trained model: one epoch more from the weights of the one that serves meanwhile. Another
 * process would do this, and the server would map the file that it saved. */
static s3rec_status train(server *from, s3rec_dataset *dataset, s3rec_model **trained) {
  s3rec_run_options options;
  s3rec_run_options_init(&options, S3REC_STAGE_FINETUNE);
  options.epochs = 1;
  options.held_out_count = 2;
  s3rec_run *run = NULL;
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  s3rec_status status = s3rec_run_create(from->model, dataset, &options, &run);
  while (status == S3REC_OK && at.event != S3REC_RUN_DONE) status = s3rec_run_step(run, &at);
  if (status == S3REC_OK) status = s3rec_run_finish(run, trained);
  s3rec_run_destroy(run);
  return status;
}

static s3rec_status make_model(s3rec_context *context, const s3rec_dataset *dataset,
                               s3rec_model **model, size_t *users) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(dataset, &info);
  if (status != S3REC_OK) return status;
  *users = info.user_count;
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = info.item_size;
  config.hidden_size = 16;
  config.num_hidden_layers = 1;
  config.max_seq_length = 20;
  return s3rec_model_create(context, &config, 42, model);
}

/* A version is in use when it has answered; then the next one may come. */
static void wait_for_answers(server *of, int version) {
  while (atomic_load(&of->answered[version]) < REQUESTS && atomic_load(&of->wrong) == 0)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static s3rec_status swap_models(server *s, s3rec_dataset *dataset) {
  s3rec_status status = S3REC_OK;
  for (int version = 1; version < VERSIONS && status == S3REC_OK; version++) {
    s3rec_model *trained = NULL;
    wait_for_answers(s, version - 1);
    status = train(s, dataset, &trained);
    if (status == S3REC_OK)
      status = publish(s, trained, version);
    else
      s3rec_model_destroy(trained);
  }
  if (status == S3REC_OK) wait_for_answers(s, VERSIONS - 1);
  return status;
}

static s3rec_status serve(server *s, s3rec_dataset *dataset, s3rec_model *model) {
  s3rec_status status = publish(s, model, 0);
  if (status != S3REC_OK) return status;
  pthread_t threads[WORKERS];
  int started = 0;
  while (started < WORKERS && pthread_create(&threads[started], NULL, work, s) == 0) started++;
  if (started > 0) status = swap_models(s, dataset);
  atomic_store(&s->stop, true);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
  for (int version = 0; version < VERSIONS; version++)
    printf("version %d: %zu answers\n", version, atomic_load(&s->answered[version]));
  printf("wrong: %zu\n", atomic_load(&s->wrong));
  return status;
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: %s SEQUENCES\n", arguments[0]);
    return EXIT_FAILURE;
  }
  server s = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  s3rec_context *context = NULL;
  s3rec_dataset *dataset = NULL;
  s3rec_model *model = NULL;
  s3rec_status status = s3rec_context_create(NULL, &context);
  if (status == S3REC_OK) status = s3rec_dataset_load(context, arguments[1], NULL, NULL, &dataset);
  if (status == S3REC_OK) status = make_model(context, dataset, &model, &s.users);
  s.dataset = dataset;
  for (int i = 0; i < VERSIONS && status == S3REC_OK; i++)
    if ((s.best[i] = calloc(s.users, sizeof(int32_t))) == NULL) status = S3REC_ERROR_MEMORY;
  if (status == S3REC_OK)
    status = serve(&s, dataset, model);
  else
    s3rec_model_destroy(model);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  for (int i = 0; i < VERSIONS; i++) free(s.best[i]);
  s3rec_model_destroy(s.model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return status == S3REC_OK && atomic_load(&s.wrong) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
