/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/evaluate.h"

#include <string.h>

#include "base/error.h"
#include "base/thread_pool.h"
#include "scoring/answer_ranks.h"
#include "scoring/metrics.h"
#include "scoring/score_error.h"

typedef struct evaluation {
  s3rec_model *model;
  const s3rec_dataset *dataset;
  const s3rec_evaluate_options *options;
  int64_t *ranks;
  s3_answer_ranker *rankers; /* one per worker */
} evaluation;

/* Users of one block, in dataset order; the blocks do not depend on the number
 * of threads, and so neither do the bits of a score. */
static s3rec_status rank_block(const evaluation *run, s3_answer_ranker *ranker, size_t first,
                               size_t last) {
  const s3rec_dataset *dataset = run->dataset;
  const bool test = run->options->split == S3REC_SPLIT_TEST;
  s3_answer_ranks_begin(ranker);
  for (size_t user = first; user < last; user++) {
    const int32_t *items;
    size_t count;
    int32_t answer;
    run->ranks[user] = -1;
    if (!s3_split_history(dataset, user, test, &items, &count, &answer)) continue;
    S3_TRY(s3_answer_ranks_add(ranker, user, items, count, answer));
  }
  if (run->options->protocol == S3REC_PROTOCOL_SAMPLED) {
    return s3_answer_ranks_sampled(ranker, &dataset->negatives, run->ranks);
  }
  return s3_answer_ranks_full(ranker, run->options->seen, run->ranks);
}

static s3rec_status block_job(void *argument, size_t index, size_t worker) {
  const evaluation *run = argument;
  const size_t users = run->dataset->sequences.row_count;
  const size_t first = index * S3_USER_GROUP;
  const size_t last = users - first < S3_USER_GROUP ? users : first + S3_USER_GROUP;
  const s3rec_status status = rank_block(run, &run->rankers[worker], first, last);
  return status;
}

static s3rec_status run_blocks(evaluation *run, size_t threads, size_t blocks) {
  s3_thread_pool *pool = NULL;
  const double largest_item_norm = run->options->protocol == S3REC_PROTOCOL_FULL
                                       ? s3_largest_item_norm(run->model)
                                       : 0.0; /* only products need it */
  for (size_t t = 0; t < threads; t++) {
    S3_TRY(s3_answer_ranker_create(run->model, largest_item_norm, &run->rankers[t]));
  }
  S3_TRY(s3_thread_pool_create(run->model->context, threads, &pool));
  if (threads > 1)
    s3_log(run->model->context, S3REC_LOG_INFO,
           "evaluation: threads started: %zu", threads - 1);
  const s3rec_status status = s3_thread_pool_run(pool, blocks, block_job, run);
  s3_thread_pool_destroy(pool);
  return status;
}

static s3rec_status rank_answers(s3rec_model *model, const s3rec_dataset *dataset,
                                 const s3rec_evaluate_options *options, int64_t *ranks) {
  const s3rec_context *context = model->context;
  const size_t blocks = (dataset->sequences.row_count + S3_USER_GROUP - 1) / S3_USER_GROUP;
  const size_t wanted = (size_t)context->options.thread_count;
  const size_t threads = wanted < blocks ? wanted : blocks;
  evaluation run = {model, dataset, options, ranks,
                    s3_allocate(context, threads, sizeof *run.rankers)};
  if (run.rankers == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_status status = run_blocks(&run, threads, blocks);
  for (size_t t = 0; t < threads; t++) s3_answer_ranker_destroy(&run.rankers[t]);
  s3_free(context, run.rankers);
  return status;
}

s3rec_status s3_evaluate(s3rec_model *model, const s3rec_dataset *dataset,
                         const s3rec_evaluate_options *options, s3rec_metrics *metrics,
                         int64_t *ranks) {
  const s3rec_context *context = model->context;
  const size_t user_count = dataset->sequences.row_count;
  if (options->protocol == S3REC_PROTOCOL_SAMPLED && dataset->negatives.row_count == 0) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "the sampled protocol needs negatives, the dataset has none");
  }
  if (dataset->info.item_size > model->config.item_size) {
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "the dataset's item_size is %d, the model's %d: it does not know all items",
                   dataset->info.item_size, model->config.item_size);
  }
  S3_TRY(s3_model_begin_scoring(model));
  int64_t *own_ranks = s3_allocate(context, user_count, sizeof *own_ranks);
  const s3rec_status status = own_ranks == NULL ? S3REC_ERROR_MEMORY
                                                : rank_answers(model, dataset, options, own_ranks);
  s3_model_end_scoring(model);
  if (status == S3REC_OK) {
    metrics->split = options->split;
    metrics->protocol = options->protocol;
    metrics->seen = options->seen;
    s3_metrics_from_ranks(own_ranks, user_count, metrics);
    if (ranks != NULL) memcpy(ranks, own_ranks, user_count * sizeof *ranks);
  }
  s3_free(context, own_ranks);
  return status;
}
