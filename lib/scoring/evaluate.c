/* SPDX-License-Identifier: Apache-2.0 */
/* Users are ranked in groups: histories -> user vectors -> scores, tile by tile. A matrix
 * product counts the items that are surely above the answer; items within its rounding
 * error are scored again, one by one (item_scores.h). What that counted wrongly, the answer
 * itself and items of the history, is taken back. From the ranks come the metrics. */
#include "scoring/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/thread_pool.h"
#include "scoring/item_scores.h"
#include "scoring/order.h"
#include "scoring/user_vectors.h"

/* Ranks of the answers of a group of users; one ranker per worker. */
typedef struct answer_ranker {
  s3_user_vectors users;
  double largest_item_norm;
  /* Row r of the vectors. */
  size_t count;
  size_t user[S3_USER_GROUP]; /* number in the dataset */
  int32_t answers[S3_USER_GROUP];
  float answer_scores[S3_USER_GROUP];
  /* Scores of a matrix product that stand above the answer for sure (over high),
   * or below (under low); between, the item is scored again. */
  float low[S3_USER_GROUP], high[S3_USER_GROUP];
  int32_t above[S3_USER_GROUP];         /* items above the answer so far */
  size_t seen_begin[S3_USER_GROUP + 1]; /* of its history in `seen` */
  int32_t *seen;                        /* histories, sorted, distinct, the answer left out */
  size_t seen_capacity;
  bool answer_seen[S3_USER_GROUP]; /* the history holds the answer */
  float *scores;                   /* a tile, [items, users], and scratch of its product */
} answer_ranker;

enum { TILE_ITEMS = 1024, SCORES = TILE_ITEMS * S3_USER_GROUP };

static size_t width_of(const answer_ranker *ranker) {
  return (size_t)ranker->users.model->config.hidden_size;
}

static void destroy_ranker(answer_ranker *ranker) {
  if (ranker->users.model == NULL) return;
  const s3rec_context *context = ranker->users.model->context;
  s3_free(context, ranker->seen);
  s3_free(context, ranker->scores);
  s3_user_vectors_destroy(&ranker->users);
  *ranker = (answer_ranker){0};
}

static s3rec_status create_ranker(s3rec_model *model, double largest_item_norm,
                                  answer_ranker *ranker) {
  *ranker = (answer_ranker){.largest_item_norm = largest_item_norm};
  S3_TRY(s3_user_vectors_create(model, &ranker->users));
  ranker->scores =
      s3_allocate(model->context, SCORES + S3_PRODUCT_SCRATCH, sizeof *ranker->scores);
  if (ranker->scores != NULL) return S3REC_OK;
  destroy_ranker(ranker);
  return S3REC_ERROR_MEMORY;
}

static void begin_answers(answer_ranker *ranker) {
  s3_user_vectors_begin(&ranker->users);
  ranker->count = 0;
}

static s3rec_status add_answer(answer_ranker *ranker, size_t user, const int32_t *history,
                               size_t count, int32_t answer) {
  const size_t row = ranker->count;
  const size_t begin = ranker->seen_begin[row];
  S3_TRY(s3_grow(ranker->users.model->context, (void **)&ranker->seen, &ranker->seen_capacity,
                 begin + count, sizeof *ranker->seen));
  int32_t *seen = ranker->seen + begin;
  size_t others = 0;
  for (size_t i = 0; i < count; i++) {
    if (history[i] != answer) seen[others++] = history[i];
  }
  bool added;
  S3_TRY(s3_user_vectors_add(&ranker->users, history, count, &added));
  ranker->user[row] = user;
  ranker->answers[row] = answer;
  ranker->above[row] = 0;
  ranker->answer_seen[row] = others < count;
  ranker->seen_begin[row + 1] = begin + s3_sort_distinct(seen, others);
  ++ranker->count;
  return S3REC_OK;
}

static s3rec_status rank_in_negatives(answer_ranker *ranker, const s3_ragged *negatives,
                                      int64_t *ranks) {
  S3_TRY(s3_user_vectors_finish(&ranker->users));
  const s3rec_model *model = ranker->users.model;
  for (size_t row = 0; row < ranker->count; row++) {
    const size_t user = ranker->user[row];
    const float *vector = ranker->users.vectors + row * width_of(ranker);
    const int32_t answer = ranker->answers[row];
    const float answer_score = s3_score_of(model, vector, answer);
    int64_t rank = 0;
    for (int64_t i = negatives->offsets[user]; i < negatives->offsets[user + 1]; i++) {
      const int32_t id = negatives->values[i];
      if (id == answer) continue;
      rank += s3_outranks(s3_score_of(model, vector, id), id, answer_score, answer);
    }
    ranks[user] = rank;
  }
  return S3REC_OK;
}

/* The answers' scores, and what is surely above or below them. Rows that only
 * pad count nothing. */
static void score_answers(answer_ranker *ranker, bool zero_seen) {
  const s3rec_model *model = ranker->users.model;
  for (size_t row = ranker->count; row < S3_USER_GROUP; row++) {
    ranker->low[row] = ranker->high[row] = INFINITY;
  }
  for (size_t row = 0; row < ranker->count; row++) {
    const float *vector = ranker->users.vectors + row * width_of(ranker);
    const double error = s3_score_error(model, ranker->largest_item_norm, vector);
    const float score = zero_seen && ranker->answer_seen[row]
                            ? 0.0f
                            : s3_score_of(model, vector, ranker->answers[row]);
    ranker->answer_scores[row] = score;
    ranker->low[row] = nextafterf((float)((double)score - error), -INFINITY);
    ranker->high[row] = nextafterf((float)((double)score + error), INFINITY);
  }
}

/* Counts one item whose product score is too near the answer's to tell. */
static void count_near(answer_ranker *ranker, size_t row, int32_t id, bool filter) {
  const int32_t answer = ranker->answers[row];
  const size_t begin = ranker->seen_begin[row];
  if (id == answer) return;
  if (filter && s3_sorted_has(ranker->seen + begin, ranker->seen_begin[row + 1] - begin, id)) {
    return;
  }
  const float *vector = ranker->users.vectors + row * width_of(ranker);
  ranker->above[row] += s3_outranks(s3_score_of(ranker->users.model, vector, id), id,
                                    ranker->answer_scores[row], answer);
}

static void count_tile(answer_ranker *ranker, size_t columns, int32_t first_id, size_t items,
                       bool filter) {
  for (size_t i = 0; i < items; i++) {
    for (size_t begin = 0; begin < columns; begin += S3_USER_STEP) {
      const float *scores = ranker->scores + i * columns + begin;
      const float *low = ranker->low + begin, *high = ranker->high + begin;
      int32_t *above = ranker->above + begin, near = 0;
      for (size_t c = 0; c < S3_USER_STEP; c++) {
        above[c] += scores[c] > high[c];
        near |= (!(scores[c] > high[c])) & (!(scores[c] < low[c]));
      }
      if (near == 0) continue;
      for (size_t c = 0; c < S3_USER_STEP && begin + c < ranker->count; c++) {
        if (scores[c] > high[c] || scores[c] < low[c]) continue;
        count_near(ranker, begin + c, first_id + (int32_t)i, filter);
      }
    }
  }
}

/* Takes back what counting a tile did with the answer itself and with the
 * history's items, from seen[*next] on. */
static void correct_row(answer_ranker *ranker, size_t row, size_t columns, int32_t first_id,
                        size_t items, s3rec_seen_policy policy, size_t *next) {
  const int32_t answer = ranker->answers[row];
  const float *scores = ranker->scores + row;
  const float high = ranker->high[row];
  const int64_t end_id = (int64_t)first_id + (int64_t)items;
  int32_t *above = &ranker->above[row];
  if (answer >= first_id && answer < end_id) {
    *above -= scores[(size_t)(answer - first_id) * columns] > high;
  }
  if (policy == S3REC_SEEN_INCLUDE) return;
  for (; *next < ranker->seen_begin[row + 1] && ranker->seen[*next] < end_id; ++*next) {
    const int32_t id = ranker->seen[*next];
    *above -= scores[(size_t)(id - first_id) * columns] > high;
    if (policy == S3REC_SEEN_ZERO) {
      *above += s3_outranks(0.0f, id, ranker->answer_scores[row], answer);
    }
  }
}

static s3rec_status rank_in_catalogue(answer_ranker *ranker, s3rec_seen_policy policy,
                                      int64_t *ranks) {
  if (ranker->count == 0) return S3REC_OK;
  S3_TRY(s3_user_vectors_finish(&ranker->users));
  const s3rec_model *model = ranker->users.model;
  const size_t columns = s3_user_vectors_padded(ranker->count);
  const size_t width = width_of(ranker);
  const float *table = model->weights + model->table.item_embeddings;
  const bool zero = policy == S3REC_SEEN_ZERO;
  const int32_t first = zero ? 0 : 1;
  const int32_t end = zero ? model->config.item_size : model->config.item_size - 1;
  size_t next[S3_USER_GROUP];
  for (size_t row = 0; row < ranker->count; row++) next[row] = ranker->seen_begin[row];
  score_answers(ranker, zero);
  for (int32_t id = first; id < end;) {
    const size_t rest = (size_t)(end - id);
    const size_t items = rest < TILE_ITEMS ? rest : TILE_ITEMS;
    model->context->kernels->product(S3_PRODUCT_NT, items, columns, width,
                                     table + (size_t)id * width, width, ranker->users.vectors,
                                     width, false, ranker->scores, columns,
                                     ranker->scores + SCORES);
    count_tile(ranker, columns, id, items, policy != S3REC_SEEN_INCLUDE);
    for (size_t row = 0; row < ranker->count; row++) {
      correct_row(ranker, row, columns, id, items, policy, &next[row]);
    }
    id += (int32_t)items;
  }
  for (size_t row = 0; row < ranker->count; row++) {
    const bool excluded = policy == S3REC_SEEN_EXCLUDE && ranker->answer_seen[row];
    ranks[ranker->user[row]] = excluded ? S3REC_RANK_EXCLUDED : ranker->above[row];
  }
  return S3REC_OK;
}

static const int64_t hit_rate_depths[4] = {1, 5, 10, 20};
static const int64_t ndcg_depths[3] = {5, 10, 20};

void s3_metrics_from_ranks(const int64_t *ranks, size_t user_count, s3rec_metrics *metrics) {
  size_t evaluated = 0;
  double hits[4] = {0}, gain[3] = {0}, reciprocal = 0;
  for (size_t user = 0; user < user_count; user++) {
    const int64_t rank = ranks[user];
    if (rank < 0) continue;
    ++evaluated;
    for (int i = 0; i < 4; i++) hits[i] += rank < hit_rate_depths[i];
    for (int i = 0; i < 3; i++) {
      if (rank < ndcg_depths[i]) gain[i] += 1.0 / log2((double)rank + 2.0);
    }
    reciprocal += 1.0 / ((double)rank + 1.0);
  }
  const double users = evaluated == 0 ? 1.0 : (double)evaluated;
  metrics->user_count = evaluated;
  metrics->skipped_count = user_count - evaluated;
  for (int i = 0; i < 4; i++) metrics->hit_rate[i] = hits[i] / users;
  for (int i = 0; i < 3; i++) metrics->ndcg[i] = gain[i] / users;
  metrics->mrr = reciprocal / users;
}

typedef struct evaluation {
  s3rec_model *model;
  const s3rec_dataset *dataset;
  const s3rec_evaluate_options *options;
  int64_t *ranks;
  answer_ranker *rankers; /* one per worker */
} evaluation;

/* Users of one block, in dataset order; the blocks do not depend on the number
 * of threads, and so neither do the bits of a score. */
static s3rec_status rank_block(const evaluation *run, answer_ranker *ranker, size_t first,
                               size_t last) {
  const s3rec_dataset *dataset = run->dataset;
  const bool test = run->options->split == S3REC_SPLIT_TEST;
  begin_answers(ranker);
  for (size_t user = first; user < last; user++) {
    const int32_t *items;
    size_t count;
    int32_t answer;
    run->ranks[user] = -1;
    if (!s3_split_history(dataset, user, test, &items, &count, &answer)) continue;
    S3_TRY(add_answer(ranker, user, items, count, answer));
  }
  if (run->options->protocol == S3REC_PROTOCOL_SAMPLED) {
    return rank_in_negatives(ranker, &dataset->negatives, run->ranks);
  }
  return rank_in_catalogue(ranker, run->options->seen, run->ranks);
}

static s3rec_status block_job(void *argument, size_t index, size_t worker) {
  const evaluation *run = argument;
  const size_t users = run->dataset->sequences.row_count;
  const size_t first = index * S3_USER_GROUP;
  const size_t last = users - first < S3_USER_GROUP ? users : first + S3_USER_GROUP;
  return rank_block(run, &run->rankers[worker], first, last);
}

static s3rec_status run_blocks(evaluation *run, size_t threads, size_t blocks) {
  s3_thread_pool *pool = NULL;
  const double largest_item_norm = run->options->protocol == S3REC_PROTOCOL_FULL
                                       ? s3_largest_item_norm(run->model)
                                       : 0.0; /* only products need it */
  for (size_t t = 0; t < threads; t++) {
    S3_TRY(create_ranker(run->model, largest_item_norm, &run->rankers[t]));
  }
  S3_TRY(s3_thread_pool_create(run->model->context, threads, &pool));
  if (threads > 1) {
    s3_log(run->model->context, S3REC_LOG_INFO, "evaluation: threads started: %zu", threads - 1);
  }
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
  for (size_t t = 0; t < threads; t++) destroy_ranker(&run.rankers[t]);
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
                   "the sampled protocol needs negatives, but the dataset has none");
  }
  if (dataset->info.item_size > model->config.item_size) {
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "the dataset's item_size is %d, but the model's is %d: the model does not know "
                   "all items",
                   dataset->info.item_size, model->config.item_size);
  }
  S3_TRY(s3_model_begin_scoring(model));
  int64_t *own_ranks = s3_allocate(context, user_count, sizeof *own_ranks);
  const s3rec_status status =
      own_ranks == NULL ? S3REC_ERROR_MEMORY : rank_answers(model, dataset, options, own_ranks);
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
