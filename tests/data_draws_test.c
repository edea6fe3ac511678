/* SPDX-License-Identifier: Apache-2.0 */
/* What the samplers draw: masks, negatives, segments, successors. Statistical
 * bounds are 6 standard deviations of the exact distribution (a false alarm in
 * 10^8), and the seed is fixed, so a run repeats exactly. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sampling/sampler.h"
#include "data_fixture.h"
#include "support/suite.h"

/* For inner loops, where libcheck's own asserts take most of the time. */
#define EXPECT(condition)                            \
  do {                                               \
    if (!(condition)) ck_abort_msg("%s", #condition); \
  } while (0)

static test_hooks hooks;
static s3rec_context *context;
static s3rec_batch *batch;

static void set_up(void) {
  context = test_hooks_context(&hooks);
  ck_assert_int_eq(s3rec_batch_create(context, &batch), S3REC_OK);
}

static void tear_down(void) {
  s3rec_batch_destroy(batch);
  s3rec_context_destroy(context);
  test_hooks_assert_empty(&hooks);
}

static void expect_rate(size_t hits, size_t draws, double p) {
  const double bound = 6 * sqrt((double)draws * p * (1 - p));
  ck_assert_msg(fabs((double)hits - (double)draws * p) <= bound, "%zu of %zu, expected %g", hits,
                draws, (double)draws * p);
}

/* Item ids run through the users' items in order: 1 .. sum of lengths. */
static const int32_t lengths[] = {12, 1, 3, 70, 2, 5, 4, 9, 33, 3, 7, 18};
enum { USERS = sizeof lengths / sizeof *lengths, ITEMS = 167, LENGTH = 20 };

static s3rec_sampler *sampler_on(const int32_t *user_lengths, size_t users,
                                 const s3rec_sampler_options *options) {
  s3rec_dataset *dataset = fixture_unique_dataset(context, user_lengths, users);
  s3rec_sampler *sampler = NULL;
  const s3rec_status status = s3rec_sampler_create(dataset, options, &sampler);
  ck_assert_msg(status == S3REC_OK, "%s", s3rec_last_error());
  s3rec_dataset_destroy(dataset);
  return sampler;
}

static s3rec_sampler_options options_of(s3rec_stage stage, int32_t reference) {
  s3rec_sampler_options options;
  s3rec_sampler_options_init(&options, stage);
  options.batch_size = 65536; /* an epoch a step */
  options.max_seq_length = LENGTH;
  options.reference_draws = reference;
  return options;
}

/* Place of each item in the concatenation of what users hand to segments; -1 =
 * held out. `begins` marks the first item of each user. */
static void concatenate(int32_t reference, int place[ITEMS + 1], bool begins[ITEMS + 1]) {
  int next = 0, item = 1;
  for (int user = 0; user < USERS; user++)
    for (int i = 0; i < lengths[user]; i++, item++) {
      const bool held_out = lengths[user] >= 3 && i >= lengths[user] - 2;
      place[item] = held_out && !reference ? -1 : next++;
      begins[item] = i == 0;
    }
  ck_assert_int_eq(item, ITEMS + 1);
}

/* One sequence of a pretraining batch. */
typedef struct row {
  size_t begin, count;
  const int32_t *masked, *pos, *neg, *masked_segment, *pos_segment, *neg_segment;
} row;

static row row_of(size_t s) {
  const size_t begin = batch->offsets[s];
  return (row){begin,
               batch->offsets[s + 1] - begin,
               batch->ids[S3_STREAM_MASKED_ITEM] + begin,
               batch->ids[S3_STREAM_POS] + begin,
               batch->ids[S3_STREAM_NEG] + begin,
               batch->ids[S3_STREAM_MASKED_SEGMENT] + begin,
               batch->ids[S3_STREAM_POS_SEGMENT] + begin,
               batch->ids[S3_STREAM_NEG_SEGMENT] + begin};
}

static bool contains(const int32_t *items, size_t count, int32_t item) {
  for (size_t i = 0; i < count; i++)
    if (items[i] == item) return true;
  return false;
}

static size_t count_masked(row r, int32_t mask_id, int32_t largest) {
  size_t masked = 0;
  for (size_t i = 0; i < r.count; i++) {
    if (r.masked[i] != mask_id) {
      EXPECT(r.masked[i] == r.pos[i]);
      EXPECT(r.neg[i] == r.pos[i]);
      continue;
    }
    ++masked;
    EXPECT(r.neg[i] >= 1);
    EXPECT(r.neg[i] <= largest);
    EXPECT(!contains(r.pos, r.count, r.neg[i]));
  }
  EXPECT(r.masked[r.count - 1] == mask_id);
  return masked;
}

/* first[i]: where the prefix that ends in item i begins, 0 = none ends there. */
static void prefixes(int32_t reference, int32_t first[ITEMS + 1]) {
  memset(first, 0, (ITEMS + 1) * sizeof *first);
  for (int user = 0, begin = 1; user < USERS; begin += lengths[user++]) {
    const int end = begin + (lengths[user] >= 3 ? lengths[user] - 2
                             : reference        ? 0
                                                : lengths[user]);
    const int32_t start = end - begin > LENGTH ? end - LENGTH : begin;
    for (int32_t item = start; item < end; item++) first[item] = start;
  }
}

START_TEST(masks_and_negatives) {
  enum { EPOCHS = 60 };
  for (int32_t reference = 0; reference < 2; reference++) {
    const s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN, reference);
    s3rec_sampler *sampler = sampler_on(lengths, USERS, &options);
    const int32_t mask_id = ITEMS + 1;
    int32_t first[ITEMS + 1];
    prefixes(reference, first);
    size_t masked = 0, sequences = 0, tokens = 0, mask_negatives = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
      ck_assert_int_eq(batch->mask_id, mask_id);
      ck_assert_int_eq(batch->max_item_id, mask_id);
      size_t in_batch = 0;
      for (size_t s = 0; s < batch->sequence_count; s++) {
        const row r = row_of(s);
        EXPECT(r.count >= 1 && r.count <= LENGTH);
        EXPECT(r.pos[0] == first[r.pos[r.count - 1]]);
        for (size_t i = 1; i < r.count; i++) EXPECT(r.pos[i] == r.pos[i - 1] + 1);
        in_batch += count_masked(r, mask_id, reference ? mask_id : ITEMS);
        for (size_t i = 0; i < r.count; i++) mask_negatives += r.neg[i] == mask_id;
      }
      ck_assert_uint_eq(in_batch, batch->target_count);
      masked += in_batch;
      sequences += batch->sequence_count;
      tokens += batch->token_count;
    }
    expect_rate(masked - sequences, tokens - sequences, 0.2);
    ck_assert_int_eq(mask_negatives > 0, reference);
    s3rec_sampler_destroy(sampler);
  }
}
END_TEST

START_TEST(mask_p_at_its_ends) {
  for (int p = 0; p < 2; p++) {
    s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN, 0);
    options.mask_p = p;
    s3rec_sampler *sampler = sampler_on(lengths, USERS, &options);
    ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
    ck_assert_uint_eq(batch->target_count, p ? batch->token_count : batch->sequence_count);
    s3rec_sampler_destroy(sampler);
  }
}
END_TEST

/* The segment of a row: [*start, *start + *length). */
static void check_segment(row r, int32_t mask_id, size_t *start, size_t *length) {
  *start = 0;
  while (r.masked_segment[*start] != mask_id) ++*start;
  *length = 0;
  while (*start + *length < r.count && r.masked_segment[*start + *length] == mask_id) ++*length;
  EXPECT(*length >= 1);
  EXPECT(*length <= r.count / 2);
  for (size_t i = 0; i < r.count; i++) {
    const bool inside = i >= *start && i < *start + *length;
    EXPECT(r.masked_segment[i] == (inside ? mask_id : r.pos[i]));
    EXPECT(r.pos_segment[i] == (inside ? r.pos[i] : mask_id));
    if (!inside) EXPECT(r.neg_segment[i] == mask_id);
  }
}

START_TEST(segments) {
  enum { EPOCHS = 150 };
  for (int32_t reference = 0; reference < 2; reference++) {
    int place[ITEMS + 1], training_place[ITEMS + 1];
    bool begins[ITEMS + 1];
    concatenate(0, training_place, begins);
    concatenate(reference, place, begins);
    const s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN, reference);
    s3rec_sampler *sampler = sampler_on(lengths, USERS, &options);
    size_t crossing = 0, held_out = 0, sixes = 0, lengths_of_six[4] = {0}, starts_of_six[6] = {0};
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
      for (size_t s = 0; s < batch->sequence_count; s++) {
        const row r = row_of(s);
        if (r.count < 2) {
          ck_assert_int_eq(r.masked_segment[0], r.pos[0]);
          ck_assert_int_eq(r.pos_segment[0], r.pos[0]);
          ck_assert_int_eq(r.neg_segment[0], r.pos[0]);
          continue;
        }
        size_t start, length;
        check_segment(r, batch->mask_id, &start, &length);
        for (size_t i = start; i < start + length; i++) {
          const int32_t item = r.neg_segment[i];
          EXPECT(place[item] >= 0);
          if (i > start) {
            EXPECT(place[item] == place[r.neg_segment[i - 1]] + 1);
            crossing += begins[item];
          }
          held_out += training_place[item] < 0;
        }
        if (r.count == 6) {
          ++sixes;
          ++lengths_of_six[length];
          if (length == 1) ++starts_of_six[start];
        }
      }
    }
    ck_assert_uint_gt(crossing, 0); /* segments may run into the next user */
    ck_assert_int_eq(held_out > 0, reference);
    ck_assert_uint_ge(sixes, 5 * EPOCHS);
    for (size_t k = 1; k <= 3; k++) expect_rate(lengths_of_six[k], sixes, 1.0 / 3);
    for (size_t k = 0; k < 6; k++) expect_rate(starts_of_six[k], lengths_of_six[1], 1.0 / 6);
    s3rec_sampler_destroy(sampler);
  }
}
END_TEST

/* Where negative segments of one item start: everywhere alike. */
START_TEST(negative_segments_are_uniform) {
  enum { EPOCHS = 3000, TOTAL = 7 };
  const s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN, 0);
  s3rec_sampler *sampler = sampler_on((int32_t[]){5, 6}, 2, &options); /* train on 3 and 4 */
  size_t draws = 0, starts[12] = {0};
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
    for (size_t s = 0; s < batch->sequence_count; s++) {
      const row r = row_of(s);
      if (r.count < 2 || r.count > 3) continue;
      size_t start, length;
      check_segment(r, batch->mask_id, &start, &length);
      ++draws;
      ++starts[r.neg_segment[start]];
    }
  }
  ck_assert_uint_eq(draws, 4 * EPOCHS);
  for (int item = 1; item <= 11; item++) {
    const bool held_out = item == 4 || item == 5 || item >= 10;
    if (held_out) ck_assert_uint_eq(starts[item], 0);
    else expect_rate(starts[item], draws, 1.0 / TOTAL);
  }
  s3rec_sampler_destroy(sampler);
}
END_TEST

START_TEST(attaches_attributes) {
  const s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN, 0);
  s3rec_sampler *sampler = sampler_on(lengths, USERS, &options);
  ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
  for (size_t t = 0; t < batch->token_count; t++) {
    const int32_t item = batch->ids[S3_STREAM_POS][t];
    const size_t count = batch->attribute_end[t] - batch->attribute_begin[t];
    ck_assert_uint_eq(count, item % 4 == 0 ? 0 : 2);
    if (count == 0) continue;
    ck_assert_int_eq(batch->attributes[batch->attribute_begin[t]], item % 7);
    ck_assert_int_eq(batch->attributes[batch->attribute_begin[t] + 1], 7 + item % 5);
  }
  ck_assert_uint_eq(batch->attribute_end[batch->token_count - 1], batch->attribute_count);
  ck_assert_int_eq(batch->max_attribute_id, 11);
  s3rec_sampler_destroy(sampler);
}
END_TEST

START_TEST(successors) {
  for (int32_t reference = 0; reference < 2; reference++) {
    s3rec_sampler_options options = options_of(S3REC_STAGE_FINETUNE, reference);
    options.shuffle = 0;
    s3rec_sampler *sampler = sampler_on(lengths, USERS, &options);
    size_t mask_negatives = 0;
    for (int epoch = 0; epoch < 40; epoch++) {
      ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
      size_t s = 0;
      for (int user = 0, first = 1; user < USERS; first += lengths[user++]) {
        const int training = lengths[user] >= 3 ? lengths[user] - 2
                             : reference        ? 0
                                                : lengths[user];
        if (training < 2) continue;
        const size_t begin = batch->offsets[s], count = batch->offsets[s + 1] - begin;
        ++s;
        ck_assert_uint_eq(count, (size_t)(training - 1 < LENGTH ? training - 1 : LENGTH));
        for (size_t i = 0; i < count; i++) {
          const int32_t input = batch->ids[S3_STREAM_INPUT][begin + i];
          const int32_t negative = batch->ids[S3_STREAM_NEG][begin + i];
          ck_assert_int_eq(input, first + training - 1 - (int32_t)(count - i));
          ck_assert_int_eq(batch->ids[S3_STREAM_POS][begin + i], input + 1);
          ck_assert(negative >= 1 && negative <= ITEMS + reference);
          ck_assert(negative < first || negative >= first + lengths[user]);
          mask_negatives += negative == ITEMS + 1;
        }
      }
      ck_assert_uint_eq(s, batch->sequence_count);
      ck_assert_uint_eq(batch->target_count, batch->token_count);
    }
    ck_assert_int_eq(mask_negatives > 0, reference);
    s3rec_sampler_destroy(sampler);
  }
}
END_TEST

/* One user with items 1..items, the next with all but the last `missing`. */
static s3rec_sampler *crowded(int32_t items, int32_t missing, s3rec_stage stage,
                              int32_t reference) {
  int32_t *ids = calloc((size_t)(2 * items), sizeof *ids);
  for (int32_t i = 0; i < items; i++) ids[i] = ids[items + i] = i + 1;
  const int64_t offsets[] = {0, items, 2 * (int64_t)items - missing};
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 2;
  arrays.item_offsets = offsets;
  arrays.items = ids;
  s3rec_dataset *dataset = NULL;
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, &arrays, &dataset), S3REC_OK);
  free(ids);
  s3rec_sampler_options options = options_of(stage, reference);
  options.max_seq_length = 4096;
  options.shuffle = 0;
  s3rec_sampler *sampler = NULL;
  ck_assert_int_eq(s3rec_sampler_create(dataset, &options, &sampler), S3REC_OK);
  s3rec_dataset_destroy(dataset);
  return sampler;
}

/* All items taken: any but the target. One left: always that. */
START_TEST(negatives_when_items_run_out) {
  s3rec_sampler *sampler = crowded(400, 1, S3REC_STAGE_FINETUNE, 0);
  ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
  for (size_t t = 0; t < batch->token_count; t++) {
    const int32_t negative = batch->ids[S3_STREAM_NEG][t];
    ck_assert(negative >= 1 && negative <= 400);
    if (t < batch->offsets[1])
      ck_assert_int_ne(negative, batch->ids[S3_STREAM_POS][t]);
    else
      ck_assert_int_eq(negative, 400);
  }
  s3rec_sampler_destroy(sampler);
  sampler = crowded(400, 1, S3REC_STAGE_FINETUNE, 1); /* the mask id is always left */
  ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
  for (size_t t = 0; t < batch->offsets[1]; t++)
    ck_assert_int_eq(batch->ids[S3_STREAM_NEG][t], 401);
  s3rec_sampler_destroy(sampler);
}
END_TEST

START_TEST(negatives_of_a_single_item) {
  const int64_t offsets[] = {0, 5};
  const int32_t items[] = {1, 1, 1, 1, 1};
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 1;
  arrays.item_offsets = offsets;
  arrays.items = items;
  s3rec_dataset *dataset = NULL;
  ck_assert_int_eq(s3rec_dataset_from_arrays(context, &arrays, &dataset), S3REC_OK);
  const s3rec_sampler_options options = options_of(S3REC_STAGE_PRETRAIN, 0);
  s3rec_sampler *sampler = NULL;
  ck_assert_int_eq(s3rec_sampler_create(dataset, &options, &sampler), S3REC_OK);
  s3rec_dataset_destroy(dataset);
  ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
  for (size_t t = 0; t < batch->token_count; t++)
    ck_assert_int_eq(batch->ids[S3_STREAM_NEG][t], 1);
  s3rec_sampler_destroy(sampler);
}
END_TEST

/* With few free items both ways of drawing are used; together uniform. */
START_TEST(negatives_are_uniform) {
  static const int32_t missing[] = {3, 200};
  for (int i = 0; i < 2; i++) {
    s3rec_sampler *sampler = crowded(400, missing[i], S3REC_STAGE_FINETUNE, 0);
    size_t draws = 0, counts[401] = {0};
    for (int epoch = 0; epoch < 200; epoch++) {
      ck_assert_int_eq(s3rec_sampler_next(sampler, batch), S3REC_OK);
      for (size_t t = batch->offsets[1]; t < batch->token_count; t++, draws++)
        ++counts[batch->ids[S3_STREAM_NEG][t]];
    }
    for (int32_t item = 1; item <= 400; item++) {
      if (item <= 400 - missing[i]) ck_assert_uint_eq(counts[item], 0);
      else expect_rate(counts[item], draws, 1.0 / missing[i]);
    }
    s3rec_sampler_destroy(sampler);
  }
}
END_TEST

TEST_SUITE(data_draws) {
  TCase *cases = tcase_create("draws");
  tcase_add_checked_fixture(cases, set_up, tear_down);
  tcase_add_test(cases, masks_and_negatives);
  tcase_add_test(cases, mask_p_at_its_ends);
  tcase_add_test(cases, segments);
  tcase_add_test(cases, negative_segments_are_uniform);
  tcase_add_test(cases, attaches_attributes);
  tcase_add_test(cases, successors);
  tcase_add_test(cases, negatives_when_items_run_out);
  tcase_add_test(cases, negatives_of_a_single_item);
  tcase_add_test(cases, negatives_are_uniform);
  test_add_cases(suite, cases, NULL);
}
