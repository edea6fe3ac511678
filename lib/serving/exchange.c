/* SPDX-License-Identifier: Apache-2.0 */
/* A new model takes over, if it passes what is asked of it. All checks are made while the old one
 * goes on serving. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "data/dataset.h"
#include "model/model_file.h"
#include "scoring/evaluate.h"
#include "serving/recommender.h"

/* For each item of `from` its id in `to`, 0 for an item that `to` does not have: ids [item_size of
 * `from`]. By names where both have names, else ids mean the same items. */
static void match_items(const s3rec_model *from, const s3rec_model *to, int32_t *ids) {
  const int32_t from_count = from->config.item_size - 2, to_count = to->config.item_size - 2;
  if (from->item_names == NULL || to->item_names == NULL || from->item_names == to->item_names) {
    for (int32_t id = 1; id <= from_count; id++) ids[id] = id <= to_count ? id : 0;
    return;
  }
  const s3_names *const left = &from->item_names->names, *const right = &to->item_names->names;
  size_t r = 0;
  for (size_t l = 0; l < left->count; l++) { /* both in the order of their bytes */
    const size_t item = (size_t)left->order[l];
    const char *const name = s3_name(left, item);
    int order = 1;
    while (r < right->count &&
           (order = strcmp(s3_name(right, (size_t)right->order[r]), name)) < 0)
      r++;
    ids[1 + item] = r < right->count && order == 0 ? 1 + right->order[r] : 0;
  }
}

static s3rec_status check_names_fit(const s3rec_model *serving, const s3rec_model *model,
                                    double least_share) {
  if (serving->item_names != NULL && model->item_names == NULL) {
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "the new model has no names of its items, the model that serves has");
  }
  const size_t item_size = (size_t)serving->config.item_size;
  int32_t *const ids = s3_allocate(serving->context, item_size, sizeof *ids);
  if (ids == NULL) return S3REC_ERROR_MEMORY;
  match_items(serving, model, ids);
  size_t known = 0;
  for (size_t id = 1; id + 1 < item_size; id++) known += ids[id] != 0;
  s3_free(serving->context, ids);
  const double share = (double)known / (double)(item_size - 2);
  if (share >= least_share) return S3REC_OK;
  return s3_fail(S3REC_ERROR_MISMATCH,
                 "the new model has %zu of the %zu items that the serving model has, a share of "
                 "%.4f, must be at least %.4f",
                 known, item_size - 2, share, least_share);
}

/* Histories that reach both ends of the item table, of one item and as long as they may be. */
static s3rec_status check_scores(s3_seat *seat) {
  const s3rec_model *const model = seat->generation->model;
  const size_t item_size = (size_t)model->config.item_size, items = item_size - 2;
  const size_t length = (size_t)model->config.max_seq_length;
  float *const scores = s3_allocate_unset(model->context, item_size, sizeof *scores);
  int32_t *const history = s3_allocate(model->context, length, sizeof *history);
  s3rec_status status =
      scores == NULL || history == NULL ? S3REC_ERROR_MEMORY : S3REC_OK;
  for (size_t probe = 0; probe < 3 && status == S3REC_OK; probe++) {
    const size_t count = probe < 2 ? 1 : length;
    history[0] = probe == 0 ? 1 : (int32_t)items;
    for (size_t i = 1; i < count; i++) {
      history[i] = (int32_t)(1 + (uint64_t)items * i / length);
    }
    status = s3_scorer_score_all(seat->scorer, history, count, scores);
    if (status != S3REC_OK) break;
    const size_t bad = s3_first_not_finite(scores, item_size);
    if (bad < item_size) {
      status = s3_fail(S3REC_ERROR_NUMERIC,
                       "the new model's score of item %zu is not finite after a history of %zu",
                       bad, count);
    }
  }
  s3_free(model->context, scores);
  s3_free(model->context, history);
  return status;
}

/* Where both have names, an id has to mean the same to both. */
static s3rec_status check_dataset_names(const s3rec_dataset *dataset, const s3rec_model *model) {
  if (dataset->item_names == NULL || model->item_names == NULL) return S3REC_OK;
  const s3_names *const of_data = &dataset->item_names->names;
  const s3_names *const of_model = &model->item_names->names;
  const size_t item = s3_names_first_difference(of_data, of_model);
  if (item >= of_data->count || item >= of_model->count) return S3REC_OK;
  return s3_fail(S3REC_ERROR_MISMATCH, "item %zu is '%.100s' in the dataset, '%.100s' in the model",
                 item + 1, s3_name(of_data, item), s3_name(of_model, item));
}

/* NDCG@10 on the test split, as a mean over `user_count` users, 0 of which: those measured. */
static s3rec_status measure_ndcg10(s3rec_model *model, const s3rec_dataset *dataset,
                                   size_t *user_count, double *ndcg10) {
  const s3rec_evaluate_options how = {.struct_size = sizeof how,
                                      .split = S3REC_SPLIT_TEST,
                                      .protocol = S3REC_PROTOCOL_FULL,
                                      .seen = S3REC_SEEN_EXCLUDE};
  s3rec_metrics metrics = {.struct_size = sizeof metrics};
  S3_TRY(s3_evaluate(model, dataset, &how, &metrics, NULL));
  if (*user_count == 0) *user_count = metrics.user_count;
  const double users = *user_count == 0 ? 1.0 : (double)*user_count;
  *ndcg10 = metrics.ndcg[1] * (double)metrics.user_count / users;
  return S3REC_OK;
}

/* The dataset in the numbers of another model: ids[item] or 0. Unknown items are left out. A user
 * whose answer is unknown keeps one item, too few to be measured. */
static s3rec_status renumber_dataset(const s3rec_dataset *dataset, const int32_t *ids,
                                     s3rec_dataset **renumbered) {
  const s3rec_context *const context = dataset->context;
  const s3_ragged *const from = &dataset->sequences;
  const size_t users = from->row_count;
  int64_t *const offsets = s3_allocate(context, users + 1, sizeof *offsets);
  int32_t *const items =
      s3_allocate(context, (size_t)from->offsets[users] + users, sizeof *items);
  s3rec_status status = offsets == NULL || items == NULL ? S3REC_ERROR_MEMORY : S3REC_OK;
  int64_t count = 0;
  for (size_t user = 0; user < users && status == S3REC_OK; user++) {
    size_t length;
    const int32_t *const row = s3_ragged_row(from, user, &length);
    const int64_t begin = count;
    for (size_t i = 0; i < length && ids[row[length - 1]] != 0; i++) {
      if (ids[row[i]] != 0) items[count++] = ids[row[i]];
    }
    if (count == begin) items[count++] = 1;
    offsets[user + 1] = count;
  }
  if (status == S3REC_OK) {
    const s3rec_dataset_arrays arrays = {.struct_size = sizeof arrays,
                                         .user_count = users,
                                         .item_offsets = offsets,
                                         .items = items};
    status = s3_dataset_from_arrays(dataset->context, &arrays, renumbered);
  }
  s3_free(context, offsets);
  s3_free(context, items);
  return status;
}

static s3rec_status measure_serving(s3rec_model *serving, const s3rec_model *model,
                                    const s3rec_dataset *dataset, size_t user_count,
                                    double *ndcg10) {
  const size_t item_size = (size_t)model->config.item_size;
  int32_t *const ids = s3_allocate(model->context, item_size, sizeof *ids);
  if (ids == NULL) return S3REC_ERROR_MEMORY;
  match_items(model, serving, ids);
  s3rec_dataset *renumbered = NULL;
  s3rec_status status = renumber_dataset(dataset, ids, &renumbered);
  s3_free(model->context, ids);
  S3_TRY(status);
  status = measure_ndcg10(serving, renumbered, &user_count, ndcg10);
  s3_dataset_release(renumbered);
  return status;
}

static s3rec_status check_accuracy(s3rec_model *serving, s3rec_model *model,
                                   const s3rec_exchange_options *options) {
  const s3rec_dataset *const dataset = options->dataset;
  size_t user_count = 0;
  double own, old;
  if (dataset == NULL) return S3REC_OK;
  S3_TRY(check_dataset_names(dataset, model));
  S3_TRY(measure_ndcg10(model, dataset, &user_count, &own));
  if (user_count == 0) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_exchange_options.dataset: none of its %zu users can be measured, which "
                   "takes 3 items or more",
                   dataset->sequences.row_count);
  }
  if (own < options->least_ndcg10) {
    return s3_fail(S3REC_ERROR_MISMATCH, "the new model's NDCG@10 is %.6f, must be at least %.6f",
                   own, options->least_ndcg10);
  }
  if (options->largest_loss >= 1.0) return S3REC_OK;
  S3_TRY(measure_serving(serving, model, dataset, user_count, &old));
  if (own >= old * (1.0 - options->largest_loss)) return S3REC_OK;
  return s3_fail(S3REC_ERROR_MISMATCH,
                 "the new model's NDCG@10 is %.6f, the serving model's %.6f: more than a share of "
                 "%.4f is lost",
                 own, old, options->largest_loss);
}

/* What the first calls would have to make. */
static s3rec_status make_ready(s3_generation *serving, s3_generation *next) {
  const int32_t *ids;
  const float *norms;
  S3_TRY(s3_generation_popular(next, &ids));
  if (atomic_load(&serving->inverse_norms) == NULL) return S3REC_OK;
  return s3_generation_inverse_norms(next, &norms);
}

static s3rec_status check_and_exchange(s3rec_recommender *recommender, s3_generation *serving,
                                       s3rec_model *model,
                                       const s3rec_exchange_options *options) {
  s3_generation *next = NULL;
  s3_seat *seat = NULL;
  S3_TRY(check_names_fit(serving->model, model, options->least_known_share));
  S3_TRY(s3_generation_create(model, serving->number + 1, &next));
  s3rec_status status = s3_seat_create(recommender, next, &seat);
  if (status == S3REC_OK) status = check_scores(seat);
  if (status == S3REC_OK) status = check_accuracy(serving->model, model, options);
  if (status == S3REC_OK) status = make_ready(serving, next);
  if (status == S3REC_OK) {
    s3_recommender_set_current(recommender, next);
    s3_log(recommender->context, S3REC_LOG_INFO, "recommender: model %llu serves, items: %d",
           (unsigned long long)serving->number + 1, (int)model->config.item_size - 2);
  } else {
    s3_generation_release(next);
  }
  if (seat != NULL) s3_seat_put_back(recommender, seat); /* destroys it where it does not serve */
  return status;
}

s3rec_status s3_recommender_exchange(s3rec_recommender *recommender, s3rec_model *model,
                                     const s3rec_exchange_options *options) {
  pthread_mutex_lock(&recommender->exchange_lock);
  s3_generation *const serving = s3_recommender_current(recommender);
  const s3rec_status status = check_and_exchange(recommender, serving, model, options);
  s3_generation_release(serving);
  pthread_mutex_unlock(&recommender->exchange_lock);
  if (status != S3REC_OK) atomic_fetch_add(&recommender->refused_exchanges, 1);
  return status;
}

s3rec_status s3_recommender_exchange_file(s3rec_recommender *recommender, const char *path,
                                          const s3rec_exchange_options *options) {
  s3rec_model *model;
  s3rec_status status =
      s3_recommender_open_model(recommender->context, path, recommender->copy, &model);
  if (status != S3REC_OK) {
    atomic_fetch_add(&recommender->refused_exchanges, 1);
    return status;
  }
  status = s3_recommender_exchange(recommender, model, options);
  s3_model_release(model);
  return status;
}
