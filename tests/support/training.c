/* SPDX-License-Identifier: Apache-2.0 */
#include "support/training.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

void test_status(s3rec_status status, s3rec_status expected, const char *call) {
  ck_assert_msg(status == expected, "%s: %s instead of %s: %s", call, s3rec_status_name(status),
                s3rec_status_name(expected), s3rec_last_error());
  if (expected != S3REC_OK) ck_assert_str_ne(s3rec_last_error(), "");
}

static void *checked(void *memory) {
  ck_assert_ptr_nonnull(memory);
  return memory;
}

s3rec_context *test_context(int32_t threads) {
  s3rec_context_options options;
  s3rec_context *context;
  s3rec_context_options_init(&options);
  options.thread_count = threads;
  test_ok(s3rec_context_create(&options, &context));
  return context;
}

s3rec_parameter_info test_parameter(const s3rec_model *model, size_t index) {
  s3rec_parameter_info info;
  s3rec_parameter_info_init(&info);
  test_ok(s3rec_model_parameter_info(model, index, &info));
  return info;
}

s3rec_model *test_model(s3rec_context *context, const test_shape *shape, uint64_t seed) {
  s3_random random = s3_random_make(s3_key(seed, 1));
  s3rec_model_config config;
  s3rec_model *model;
  s3rec_model_config_init(&config);
  config.item_size = shape->items + 2;
  config.attribute_size = shape->attributes;
  config.max_seq_length = shape->length;
  config.hidden_size = shape->hidden;
  config.num_hidden_layers = shape->layers;
  config.num_attention_heads = shape->heads;
  config.hidden_act = shape->activation;
  config.hidden_dropout_prob = shape->dropout;
  config.attention_probs_dropout_prob = shape->dropout;
  config.initializer_range = 0.3;
  test_ok(s3rec_model_create(context, &config, seed, &model));
  for (size_t i = 0; i < s3rec_model_parameter_count(model); i++) {
    const s3rec_parameter_info info = test_parameter(model, i);
    float *values = checked(malloc(info.element_count * sizeof *values));
    if (info.rank == 1) {
      test_ok(s3rec_model_parameter_read(model, info.name, values, info.element_count));
      for (size_t j = 0; j < info.element_count; j++) {
        values[j] += (float)(0.2 * s3_random_normal(&random));
      }
      test_ok(s3rec_model_parameter_write(model, info.name, values, info.element_count));
    }
    free(values);
  }
  return model;
}

/* Row r has 1 + r mod length items, so every length occurs. */
static int32_t row_length(const test_shape *shape, int32_t row) { return 1 + row % shape->length; }

static int32_t any_item(const test_shape *shape, s3_random *random) {
  return 1 + (int32_t)s3_random_below(random, (uint32_t)shape->items);
}

/* Items 1, 4, 7, ... have no attributes. */
static int has_attribute(uint64_t seed, int32_t item, int32_t attribute) {
  return item % 3 != 1 && s3_key(s3_key(seed, (uint64_t)item), (uint64_t)attribute) % 4 == 0;
}

s3rec_batch *test_pretrain_batch(s3rec_context *context, const test_shape *shape, uint64_t seed) {
  enum { MASKED, POS, NEG, MASKED_SEGMENT, POS_SEGMENT, NEG_SEGMENT, ARRAYS };
  const size_t slots = (size_t)shape->batch * (size_t)shape->length;
  const size_t width = (size_t)shape->attributes;
  const int32_t mask_id = shape->items + 1;
  s3_random random = s3_random_make(s3_key(seed, 2));
  int32_t *ids[ARRAYS];
  uint8_t *attributes = checked(calloc(slots * width, 1));
  s3rec_pretrain_arrays arrays;
  s3rec_batch *batch;
  for (int i = 0; i < ARRAYS; i++) ids[i] = checked(calloc(slots, sizeof **ids));
  for (int32_t row = 0; row < shape->batch; row++) {
    const int32_t n = row_length(shape, row);
    const int32_t segment = n < 2 ? 0 : 1 + (int32_t)s3_random_below(&random, (uint32_t)n / 2);
    const int32_t start =
        n < 2 ? 0 : (int32_t)s3_random_below(&random, (uint32_t)(n - segment + 1));
    for (int32_t j = 0; j < n; j++) {
      const size_t slot = (size_t)row * (size_t)shape->length + (size_t)(shape->length - n + j);
      const int32_t item = any_item(shape, &random);
      const int masked = j == n - 1 || s3_random_uniform(&random) < 0.4;
      const int inside = j >= start && j < start + segment;
      ids[POS][slot] = item;
      ids[MASKED][slot] = masked ? mask_id : item;
      ids[NEG][slot] = masked ? any_item(shape, &random) : item;
      ids[MASKED_SEGMENT][slot] = inside ? mask_id : item;
      ids[POS_SEGMENT][slot] = inside || n < 2 ? item : mask_id;
      ids[NEG_SEGMENT][slot] = inside || n < 2 ? any_item(shape, &random) : mask_id;
      for (size_t a = 0; a < width; a++) {
        attributes[slot * width + a] = (uint8_t)has_attribute(seed, item, (int32_t)a);
      }
    }
  }
  s3rec_pretrain_arrays_init(&arrays);
  arrays.batch_size = shape->batch;
  arrays.max_seq_length = shape->length;
  arrays.attribute_size = shape->attributes;
  arrays.mask_id = mask_id;
  arrays.attributes = attributes;
  arrays.masked_item_sequence = ids[MASKED];
  arrays.pos_items = ids[POS];
  arrays.neg_items = ids[NEG];
  arrays.masked_segment_sequence = ids[MASKED_SEGMENT];
  arrays.pos_segment = ids[POS_SEGMENT];
  arrays.neg_segment = ids[NEG_SEGMENT];
  test_ok(s3rec_batch_create(context, &batch));
  test_ok(s3rec_batch_set_pretrain(batch, &arrays));
  for (int i = 0; i < ARRAYS; i++) free(ids[i]);
  free(attributes);
  return batch;
}

s3rec_batch *test_finetune_batch(s3rec_context *context, const test_shape *shape, uint64_t seed) {
  const size_t slots = (size_t)shape->batch * (size_t)shape->length;
  s3_random random = s3_random_make(s3_key(seed, 3));
  int32_t *ids[3];
  s3rec_batch *batch;
  for (int i = 0; i < 3; i++) ids[i] = checked(calloc(slots, sizeof **ids));
  for (int32_t row = 0; row < shape->batch; row++) {
    const int32_t n = row == 1 ? 0 : row_length(shape, row);
    for (int32_t j = 0; j < n; j++) {
      const size_t slot = (size_t)row * (size_t)shape->length + (size_t)(shape->length - n + j);
      const int without_target = row == 2 && j == 0;
      ids[0][slot] = any_item(shape, &random);
      ids[1][slot] = without_target ? 0 : any_item(shape, &random);
      ids[2][slot] = without_target ? 0 : any_item(shape, &random);
    }
  }
  test_ok(s3rec_batch_create(context, &batch));
  test_ok(s3rec_batch_set_finetune(batch, shape->batch, shape->length, ids[0], ids[1], ids[2]));
  for (int i = 0; i < 3; i++) free(ids[i]);
  return batch;
}

s3rec_dataset *test_dataset(s3rec_context *context, const test_shape *shape, size_t users,
                            uint64_t seed) {
  const size_t items = (size_t)shape->items;
  s3_random random = s3_random_make(s3_key(seed, 4));
  int64_t *offsets = checked(calloc(users + 1, sizeof *offsets));
  int32_t *sequences = checked(calloc(users * 12, sizeof *sequences));
  int32_t *attributed = checked(calloc(items, sizeof *attributed));
  int64_t *attribute_offsets = checked(calloc(items + 1, sizeof *attribute_offsets));
  int32_t *attributes = checked(calloc(items * (size_t)shape->attributes, sizeof *attributes));
  s3rec_dataset_arrays arrays;
  s3rec_dataset *dataset;
  for (size_t user = 0; user < users; user++) {
    const uint32_t n = 3 + s3_random_below(&random, 10);
    offsets[user + 1] = offsets[user] + n;
    for (int64_t j = offsets[user]; j < offsets[user + 1]; j++) {
      sequences[j] = any_item(shape, &random);
    }
  }
  sequences[0] = shape->items; /* so that item_size is the shape's */
  for (size_t i = 0; i < items; i++) {
    attributed[i] = (int32_t)i + 1;
    attribute_offsets[i + 1] = attribute_offsets[i];
    for (int32_t a = 0; a < shape->attributes; a++) {
      if (has_attribute(seed, attributed[i], a) || (i == 0 && a == shape->attributes - 1)) {
        attributes[attribute_offsets[i + 1]++] = a;
      }
    }
  }
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = users;
  arrays.item_offsets = offsets;
  arrays.items = sequences;
  arrays.attributed_item_count = items;
  arrays.attributed_items = attributed;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  test_ok(s3rec_dataset_from_arrays(context, &arrays, &dataset));
  free(offsets);
  free(sequences);
  free(attributed);
  free(attribute_offsets);
  free(attributes);
  return dataset;
}

test_training test_training_start(const test_shape *shape, int32_t threads, uint64_t seed,
                                  const s3rec_trainer_options *options) {
  test_training t;
  t.context = test_context(threads);
  t.model = test_model(t.context, shape, seed);
  t.pretrain = test_pretrain_batch(t.context, shape, seed + 1);
  t.finetune = test_finetune_batch(t.context, shape, seed + 2);
  test_ok(s3rec_trainer_create(t.model, options, &t.trainer));
  return t;
}

void test_training_end(test_training *training) {
  s3rec_trainer_destroy(training->trainer);
  s3rec_batch_destroy(training->finetune);
  s3rec_batch_destroy(training->pretrain);
  s3rec_model_destroy(training->model);
  s3rec_context_destroy(training->context);
}

/* Concatenates all weights (trainer NULL) or gradients. */
static float *concatenate(const s3rec_model *model, const s3rec_trainer *trainer, size_t *count) {
  float *values = NULL;
  *count = 0;
  for (size_t i = 0; i < s3rec_model_parameter_count(model); i++) {
    const s3rec_parameter_info info = test_parameter(model, i);
    values = checked(realloc(values, (*count + info.element_count) * sizeof *values));
    test_ok(trainer == NULL ? s3rec_model_parameter_read(model, info.name, values + *count,
                                                         info.element_count)
                            : s3rec_trainer_gradient_read(trainer, info.name, values + *count,
                                                          info.element_count));
    *count += info.element_count;
  }
  return values;
}

float *test_weights(const s3rec_model *model, size_t *count) {
  return concatenate(model, NULL, count);
}

float *test_gradients(const s3rec_model *model, const s3rec_trainer *trainer, size_t *count) {
  return concatenate(model, trainer, count);
}

int test_same_weights(const s3rec_model *model, const float *weights) {
  size_t count;
  float *now = test_weights(model, &count);
  const int same = memcmp(now, weights, count * sizeof *now) == 0;
  free(now);
  return same;
}
