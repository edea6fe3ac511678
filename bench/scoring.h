/* SPDX-License-Identifier: Apache-2.0 */
/* What the scoring benchmarks share: a model, a scorer, and users to score. */
#ifndef S3_BENCH_SCORING_H
#define S3_BENCH_SCORING_H

#include "bench.h"

enum { SCORING_TOP = 20, SCORING_HISTORY = 7, SCORING_USERS = 256 };

typedef struct scoring {
  bench_workload work;
  s3rec_model_config config;
  s3rec_scorer *scorer;
  int32_t *histories; /* [SCORING_USERS, SCORING_HISTORY]: the first items of the users */
  int64_t offsets[SCORING_USERS + 1];
} scoring;

/* With a scorer of the default options. */
int scoring_create(const bench_settings *settings, scoring *s);
void scoring_destroy(scoring *s);
/* Replaces the scorer. */
int scoring_set_scan(scoring *s, s3rec_scan scan);

#endif
