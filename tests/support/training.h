/* SPDX-License-Identifier: Apache-2.0 */
/* Small models and batches for the tests of training. Failures abort the test. */
#ifndef S3_TESTS_SUPPORT_TRAINING_H
#define S3_TESTS_SUPPORT_TRAINING_H

#include "s3rec/s3rec.h"

/* The call must succeed. */
#define test_ok(call) test_status((call), S3REC_OK, #call)
/* The call must fail with this status and say why. */
#define test_fails(call, status) test_status((call), (status), #call)
void test_status(s3rec_status status, s3rec_status expected, const char *call);

typedef struct test_shape {
  int32_t items;      /* ids 1..items; item_size = items + 2 */
  int32_t attributes; /* attribute_size */
  int32_t length, hidden, layers, heads;
  s3rec_activation activation;
  double dropout; /* both probabilities */
  int32_t batch;  /* rows of a batch */
} test_shape;

s3rec_context *test_context(int32_t threads);
/* Weights, biases and layer norms all random and of a size that matters. */
s3rec_model *test_model(s3rec_context *context, const test_shape *shape, uint64_t seed);
/* Sequences of every length from 1 to `length`, each with masked positions and
 * items with and without attributes. */
s3rec_batch *test_pretrain_batch(s3rec_context *context, const test_shape *shape, uint64_t seed);
/* With a row of padding only and a token without a target. */
s3rec_batch *test_finetune_batch(s3rec_context *context, const test_shape *shape, uint64_t seed);
/* `users` sequences of 3 to 12 items with attributes on two items of three. */
s3rec_dataset *test_dataset(s3rec_context *context, const test_shape *shape, size_t users,
                            uint64_t seed);

/* A model in training and a batch of either stage. */
typedef struct test_training {
  s3rec_context *context;
  s3rec_model *model;
  s3rec_batch *pretrain, *finetune;
  s3rec_trainer *trainer;
} test_training;

test_training test_training_start(const test_shape *shape, int32_t threads, uint64_t seed,
                                  const s3rec_trainer_options *options);
void test_training_end(test_training *training);

/* All weights, one parameter after the other; free() it. */
float *test_weights(const s3rec_model *model, size_t *count);
/* All gradients in the same order. */
float *test_gradients(const s3rec_model *model, const s3rec_trainer *trainer, size_t *count);
/* True when the model's weights are exactly these. */
int test_same_weights(const s3rec_model *model, const float *weights);
s3rec_parameter_info test_parameter(const s3rec_model *model, size_t index);

#endif
