/* SPDX-License-Identifier: Apache-2.0 */
/* A small model and histories out of bytes. Every way to the best items must give the answer of a
 * plain ranking of all scores, bit by bit, and the scores that of double precision. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { SCANS = 3, USERS = 4, MOST_HISTORY = 24, MOST_ITEMS = 700, MOST_WIDTH = 32, MOST_K = 40 };

typedef struct scored_case {
  s3rec_model_config config;
  s3rec_score_options options;
  int32_t excluded[8], candidates[16];
  int32_t histories[USERS * MOST_HISTORY];
  int64_t offsets[USERS + 1];
  size_t users, k;
} scored_case;

typedef struct answers {
  int32_t ids[USERS * MOST_K];
  float scores[USERS * MOST_K];
  size_t counts[USERS];
} answers;

/* Any item, and sometimes an id that the model does not know. */
static int32_t take_id(fuzz_bytes *bytes, const scored_case *c) {
  return (int32_t)fuzz_below(bytes, (uint32_t)c->config.item_size + 3) - 1;
}

static void take_config(fuzz_bytes *bytes, s3rec_model_config *config) {
  static const int32_t widths[] = {1, 2, 4, 8, 12, 16, 24, MOST_WIDTH};
  static const double ranges[] = {0, 0.02, 0.5, 10};
  s3rec_model_config_init(config);
  config->item_size = 3 + (int32_t)fuzz_below(bytes, MOST_ITEMS - 3);
  config->hidden_size = widths[fuzz_byte(bytes) % 8];
  config->num_attention_heads = config->hidden_size % 2 == 0 ? 2 : 1;
  config->max_seq_length = 1 + fuzz_byte(bytes) % 20;
  config->num_hidden_layers = 1 + fuzz_byte(bytes) % 2;
  config->hidden_act = (s3rec_activation)(1 + fuzz_byte(bytes) % 3);
  config->initializer_range = ranges[fuzz_byte(bytes) % 4];
}

/* Item rows that are equal, and rows of very large or small numbers. */
static void change_items(fuzz_bytes *bytes, s3rec_model *model, const s3rec_model_config *config) {
  static const int exponents[] = {0, 1, 20, -20, 40, -60, -130, 0};
  static float table[MOST_ITEMS * MOST_WIDTH];
  const size_t width = (size_t)config->hidden_size, rows = (size_t)config->item_size;
  const char *const name = "item_embeddings.weight";
  fuzz_ok(s3rec_model_parameter_read(model, name, table, rows * width));
  const size_t period = 1 + fuzz_byte(bytes), scaled = fuzz_byte(bytes);
  const int exponent = exponents[fuzz_byte(bytes) % 8];
  for (size_t row = 1; row < rows; row++) {
    if (row > period && period < 64)
      memcpy(table + row * width, table + (row % period) * width, width * sizeof *table);
    if (scaled == 0 || row % scaled == 0)
      for (size_t i = 0; i < width; i++) table[row * width + i] = ldexpf(table[row * width + i],
                                                                         exponent);
  }
  fuzz_ok(s3rec_model_parameter_write(model, name, table, rows * width));
}

static void take_question(fuzz_bytes *bytes, scored_case *c) {
  const uint8_t choice = fuzz_byte(bytes);
  s3rec_score_options_init(&c->options);
  c->options.include_history = choice & 1;
  c->options.excluded_count = choice >> 1 & 7;
  c->options.excluded = c->excluded;
  if ((choice & 16) != 0) {
    c->options.candidates = c->candidates;
    c->options.candidate_count = choice >> 4;
  }
  for (size_t i = 0; i < 8; i++) c->excluded[i] = take_id(bytes, c);
  for (size_t i = 0; i < 16; i++) c->candidates[i] = take_id(bytes, c);
  c->k = 1 + fuzz_byte(bytes) % MOST_K;
  c->users = 1 + fuzz_byte(bytes) % USERS;
  for (size_t user = 0; user < c->users; user++) {
    const int64_t length = fuzz_byte(bytes) % MOST_HISTORY;
    for (int64_t i = 0; i < length; i++) c->histories[c->offsets[user] + i] = take_id(bytes, c);
    c->offsets[user + 1] = c->offsets[user] + length;
  }
}

static bool has(const int32_t *ids, size_t count, int32_t id) {
  for (size_t i = 0; i < count; i++)
    if (ids[i] == id) return true;
  return false;
}

static bool may_be_answered(const scored_case *c, size_t user, int32_t item) {
  const s3rec_score_options *const o = &c->options;
  const int32_t *const history = c->histories + c->offsets[user];
  const size_t length = (size_t)(c->offsets[user + 1] - c->offsets[user]);
  if (!o->include_history && has(history, length, item)) return false;
  if (has(o->excluded, o->excluded_count, item)) return false;
  return o->candidates == NULL || has(o->candidates, o->candidate_count, item);
}

/* Each score is within rounding of the product in double precision. */
static void check_scores(s3rec_scorer *scorer, const s3rec_model *model, const scored_case *c,
                         size_t user, const float *scores) {
  static float table[MOST_ITEMS * MOST_WIDTH];
  float vector[MOST_WIDTH];
  const size_t width = (size_t)c->config.hidden_size, rows = (size_t)c->config.item_size;
  fuzz_ok(s3rec_user_vector(scorer, c->histories + c->offsets[user],
                            (size_t)(c->offsets[user + 1] - c->offsets[user]), vector, width));
  fuzz_ok(s3rec_model_parameter_read(model, "item_embeddings.weight", table, rows * width));
  for (size_t row = 0; row < rows; row++) {
    double sum = 0, size = 0;
    for (size_t i = 0; i < width; i++) {
      const double product = (double)vector[i] * (double)table[row * width + i];
      sum += product;
      size += fabs(product);
    }
    if (!(size < 1e37)) continue; /* beyond what floats hold */
    fuzz_claim(fabs((double)scores[row] - sum) <= 4e-6 * size + 1e-36,
               "user %zu, item %zu: %.9g, exact %.17g", user, row, (double)scores[row], sum);
  }
}

/* The plain ranking: falling scores, ties by lower id. False when a score is NaN. */
static bool rank_plainly(const scored_case *c, size_t user, const float *scores, answers *best) {
  static bool taken[MOST_ITEMS];
  memset(taken, 0, sizeof taken);
  size_t *const count = &best->counts[user];
  for (*count = 0; *count < c->k; (*count)++) {
    int32_t next = 0;
    for (int32_t item = 1; item <= c->config.item_size - 2; item++) {
      if (isnan(scores[item])) return false;
      if (taken[item] || !may_be_answered(c, user, item)) continue;
      if (next == 0 || scores[item] > scores[next]) next = item;
    }
    if (next == 0) break;
    taken[next] = true;
    best->ids[user * c->k + *count] = next;
    best->scores[user * c->k + *count] = scores[next];
  }
  return true;
}

static bool answer_plainly(s3rec_scorer *scorer, const s3rec_model *model, const scored_case *c,
                           answers *best) {
  static float scores[MOST_ITEMS];
  memset(best, 0, sizeof *best);
  for (size_t user = 0; user < c->users; user++) {
    const s3rec_status status = s3rec_score_all(
        scorer, c->histories + c->offsets[user],
        (size_t)(c->offsets[user + 1] - c->offsets[user]), scores, MOST_ITEMS);
    if (status == S3REC_ERROR_ARGUMENT) continue; /* nothing to encode, so no answer */
    fuzz_ok(status);
    check_scores(scorer, model, c, user, scores);
    if (!rank_plainly(c, user, scores, best)) return false;
  }
  return true;
}

static void answer_one_by_one(s3rec_scorer *scorer, const scored_case *c, answers *got) {
  memset(got, 0, sizeof *got);
  for (size_t user = 0; user < c->users; user++)
    fuzz_ok(s3rec_score_next(scorer, c->histories + c->offsets[user],
                             (size_t)(c->offsets[user + 1] - c->offsets[user]), &c->options, c->k,
                             got->ids + user * c->k, got->scores + user * c->k,
                             &got->counts[user]));
}

static void compare_answers(const scored_case *c, const answers *left, const answers *right,
                            const char *what) {
  for (size_t user = 0; user < c->users; user++) {
    fuzz_claim(left->counts[user] == right->counts[user], "%s: user %zu: %zu and %zu answers",
               what, user, left->counts[user], right->counts[user]);
    for (size_t i = user * c->k; i < user * c->k + left->counts[user]; i++)
      fuzz_claim(left->ids[i] == right->ids[i] &&
                     memcmp(&left->scores[i], &right->scores[i], sizeof left->scores[i]) == 0,
                 "%s: user %zu: item %d with %.9g and item %d with %.9g", what, user,
                 (int)left->ids[i], (double)left->scores[i], (int)right->ids[i],
                 (double)right->scores[i]);
  }
}

static void compare_ways(s3rec_model *model, const scored_case *c) {
  static const s3rec_scan scans[SCANS] = {S3REC_SCAN_F32, S3REC_SCAN_BF16, S3REC_SCAN_INT8};
  static const char *const names[SCANS] = {"f32", "bf16", "int8"};
  static answers plain, first, single, batch;
  for (int scan = 0; scan < SCANS; scan++) {
    s3rec_scorer_options options;
    s3rec_scorer *scorer;
    s3rec_scorer_options_init(&options);
    options.scan = scans[scan];
    fuzz_ok(s3rec_scorer_create_with(model, &options, &scorer));
    answer_one_by_one(scorer, c, &single);
    memset(&batch, 0, sizeof batch);
    fuzz_ok(s3rec_score_next_batch(scorer, c->histories, c->offsets, c->users, &c->options, c->k,
                                   batch.ids, batch.scores, batch.counts));
    compare_answers(c, &single, &batch, "one by one, and all at once");
    if (scan == 0) {
      first = single;
      if (answer_plainly(scorer, model, c, &plain))
        compare_answers(c, &plain, &single, "plain ranking, and the library's");
    }
    compare_answers(c, &first, &single, names[scan]);
    s3rec_scorer_destroy(scorer);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static s3rec_context *context;
  static scored_case c;
  if (context == NULL) context = fuzz_context(1, true);
  const size_t held = fuzz_held();
  fuzz_bytes bytes = {data, size};
  s3rec_model *model;
  memset(&c, 0, sizeof c);
  take_config(&bytes, &c.config);
  fuzz_ok(s3rec_model_create(context, &c.config, fuzz_u32(&bytes), &model));
  change_items(&bytes, model, &c.config);
  take_question(&bytes, &c);
  compare_ways(model, &c);
  s3rec_model_destroy(model);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
  return 0;
}
