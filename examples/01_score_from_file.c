/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a model file and recommends items to a user that is in no file.
 *
 * usage: 01_score_from_file MODEL ITEM... */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "s3rec/s3rec.h"

enum { HISTORY_LIMIT = 256, WANTED = 5 };

static int fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, s3rec_last_error());
  return EXIT_FAILURE;
}

static int recommend(s3rec_model *model, const int32_t *history, size_t count) {
  /* Each thread needs its own scorer, which holds the working memory. */
  s3rec_scorer *scorer;
  if (s3rec_scorer_create(model, &scorer) != S3REC_OK) return fail("scorer");

  /* NULL options: only items of the history are left out. */
  int32_t ids[WANTED];
  float scores[WANTED];
  size_t found;
  const s3rec_status status =
      s3rec_score_next(scorer, history, count, NULL, WANTED, ids, scores, &found);
  s3rec_scorer_destroy(scorer);
  if (status != S3REC_OK) return fail("score");

  for (size_t i = 0; i < found; i++) printf("%" PRId32 " %.4f\n", ids[i], (double)scores[i]);
  return EXIT_SUCCESS;
}

int main(int count, char **arguments) {
  if (count < 3 || count > HISTORY_LIMIT + 2) {
    fprintf(stderr, "usage: %s MODEL ITEM...\n", arguments[0]);
    return EXIT_FAILURE;
  }
  int32_t history[HISTORY_LIMIT];
  for (int i = 2; i < count; i++) history[i - 2] = (int32_t)strtol(arguments[i], NULL, 10);

  s3rec_context *context;
  if (s3rec_context_create(NULL, &context) != S3REC_OK) return fail("context");
  s3rec_model *model;
  const s3rec_status status = s3rec_model_load(context, arguments[1], NULL, &model);
  s3rec_context_destroy(context); /* the model keeps what it needs of it */
  if (status != S3REC_OK) return fail("model");

  const int code = recommend(model, history, (size_t)(count - 2));
  s3rec_model_destroy(model);
  return code;
}
