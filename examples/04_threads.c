/* SPDX-License-Identifier: Apache-2.0 */
/* Scores from several threads at once: one model, and a scorer for each thread. The model is
 * mapped: it opens at once, however large it is, and several such processes share its memory. To
 * replace the model, rename another file to its name.
 *
 * usage: 04_threads SEQUENCES MODEL */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "s3rec/s3rec.h"

enum { THREADS = 4 };

typedef struct worker {
  pthread_t thread;
  const s3rec_dataset *dataset; /* shared, read-only */
  s3rec_model *model;           /* shared, read-only while it has scorers */
  size_t first;                 /* serves users first, first + THREADS, ... */
  int32_t *best;                /* [users] shared; no two threads write one entry */
  size_t users;
  s3rec_status status;
  char error[256]; /* a copy, because s3rec_last_error() belongs to its thread */
} worker;

static s3rec_status serve(worker *w, s3rec_scorer *scorer) {
  for (size_t user = w->first; user < w->users; user += THREADS) {
    const int32_t *history;
    size_t count, found;
    s3rec_status status = s3rec_dataset_user_items(w->dataset, user, &history, &count);
    if (status == S3REC_OK)
      status = s3rec_score_next(scorer, history, count, NULL, 1, &w->best[user], NULL, &found);
    if (status != S3REC_OK) return status;
  }
  return S3REC_OK;
}

static void *work(void *argument) {
  worker *const w = argument;
  s3rec_scorer *scorer = NULL;
  w->status = s3rec_scorer_create(w->model, &scorer);
  if (w->status == S3REC_OK) w->status = serve(w, scorer);
  if (w->status != S3REC_OK) snprintf(w->error, sizeof w->error, "%s", s3rec_last_error());
  s3rec_scorer_destroy(scorer);
  return NULL;
}

static int serve_all(const s3rec_dataset *dataset, s3rec_model *model, size_t users) {
  worker workers[THREADS];
  int32_t *const best = calloc(users, sizeof *best);
  if (best == NULL) return EXIT_FAILURE;
  int started = 0, code = EXIT_SUCCESS;
  for (; started < THREADS; started++) {
    worker *const w = &workers[started];
    *w = (worker){
        .dataset = dataset, .model = model, .first = (size_t)started, .best = best, .users = users};
    if (pthread_create(&w->thread, NULL, work, w) != 0) break;
  }
  if (started < THREADS) code = EXIT_FAILURE;
  for (int i = 0; i < started; i++) {
    pthread_join(workers[i].thread, NULL);
    if (workers[i].status == S3REC_OK) continue;
    fprintf(stderr, "thread %d: %s\n", i, workers[i].error);
    code = EXIT_FAILURE;
  }
  if (code == EXIT_SUCCESS)
    for (size_t user = 0; user < users; user++) printf("%zu %" PRId32 "\n", user + 1, best[user]);
  free(best);
  return code;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: %s SEQUENCES MODEL\n", arguments[0]);
    return EXIT_FAILURE;
  }
  s3rec_context *context = NULL;
  s3rec_dataset *dataset = NULL;
  s3rec_model *model = NULL;
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  s3rec_status status = s3rec_context_create(NULL, &context);
  if (status == S3REC_OK) status = s3rec_dataset_load(context, arguments[1], NULL, NULL, &dataset);
  if (status == S3REC_OK) status = s3rec_dataset_info_get(dataset, &info);
  if (status == S3REC_OK) status = s3rec_model_map(context, arguments[2], NULL, &model);
  int code = EXIT_FAILURE;
  if (status == S3REC_OK)
    code = serve_all(dataset, model, info.user_count);
  else
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return code;
}
