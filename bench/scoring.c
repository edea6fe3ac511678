/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring.h"

#include <stdlib.h>

static int fill_histories(scoring *s) {
  size_t users = 0;
  s->histories = malloc(sizeof(int32_t) * SCORING_USERS * SCORING_HISTORY);
  if (s->histories == NULL) return 1;
  for (size_t user = 0; users < SCORING_USERS; user++) {
    const int32_t *items;
    size_t count;
    if (s3rec_dataset_user_items(s->work.dataset, user, &items, &count) != S3REC_OK) {
      return bench_fail("too few users of 7 items");
    }
    if (count < SCORING_HISTORY) continue;
    for (size_t i = 0; i < SCORING_HISTORY; i++) {
      s->histories[users * SCORING_HISTORY + i] = items[i];
    }
    users++;
    s->offsets[users] = (int64_t)users * SCORING_HISTORY;
  }
  return 0;
}

int scoring_set_scan(scoring *s, s3rec_scan scan) {
  s3rec_scorer_options options;
  s3rec_scorer_options_init(&options);
  options.scan = scan;
  s3rec_scorer_destroy(s->scorer);
  s->scorer = NULL;
  if (s3rec_scorer_create_with(s->work.model, &options, &s->scorer) == S3REC_OK) return 0;
  return bench_fail("scorer");
}

int scoring_create(const bench_settings *settings, scoring *s) {
  *s = (scoring){.scorer = NULL};
  if (workload_create(settings, &s->work) != 0) return 1;
  s3rec_model_config_init(&s->config);
  if (s3rec_model_config_get(s->work.model, &s->config) == S3REC_OK &&
      scoring_set_scan(s, S3REC_SCAN_AUTO) == 0 && fill_histories(s) == 0) {
    return 0;
  }
  scoring_destroy(s);
  return bench_fail("scoring");
}

void scoring_destroy(scoring *s) {
  free(s->histories);
  s3rec_scorer_destroy(s->scorer);
  workload_destroy(&s->work);
}
