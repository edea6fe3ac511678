/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_MODEL_MODEL_H
#define S3_MODEL_MODEL_H

#include <pthread.h>

#include "base/context.h"
#include "model/config.h"
#include "model/parameter_table.h"
#include "names/vocabulary.h"

/* Places of `compact`: the item table in two ways, the layers' weights in panels. */
enum { S3_COMPACT_BF16, S3_COMPACT_INT8, S3_COMPACT_PANELS, S3_COMPACT_KINDS };

struct s3rec_model {
  atomic_size_t references;
  /* Scorers alive, or S3_MODEL_TRAINED while a trainer owns the weights. */
  atomic_size_t users;
  s3rec_context *context;
  s3rec_model_config config;
  s3_parameter_table table;
  float *weights; /* [table.float_count], allocated unless they lie in `mapping` */
  s3_mapping mapping;
  s3rec_vocabulary *item_names, *attribute_names; /* or NULL */
  int32_t *popularity; /* [item_size] events of each item, or NULL */
  /* What scorers made of the item table (scoring/item_scores.h) and of the layers
   * (model/panels.h), a block of memory each, or NULL; none is left while weights are
   * being written. */
  pthread_mutex_t compact_lock;
  void *compact[S3_COMPACT_KINDS];
  atomic_size_t compact_bytes;
};

#define S3_MODEL_TRAINED SIZE_MAX

/* A model without weights; it may be released so. */
s3rec_status s3_model_prepare(s3rec_context *context, const s3rec_model_config *config,
                              s3rec_model **model);
/* Its weights: an item table that the caller has to fill, zeros after it. */
s3rec_status s3_model_allocate_weights(s3rec_model *model);
/* Both. */
s3rec_status s3_model_allocate(s3rec_context *context, const s3rec_model_config *config,
                               s3rec_model **model);
/* s3rec_model_memory. */
size_t s3_model_memory(const s3rec_model *model);
s3rec_model *s3_model_retain(s3rec_model *model);
void s3_model_release(s3rec_model *model);

/* Replaces both probabilities; on failure (ARGUMENT, STATE) neither. */
s3rec_status s3_model_set_dropouts(s3rec_model *model, double hidden_dropout_prob,
                                   double attention_probs_dropout_prob);

/* STATE while there are scorers: names and popularity are read without a lock. */
s3rec_status s3_model_check_unscored(const s3rec_model *model);

/* s3rec_model_set_names. */
s3rec_status s3_model_set_names(s3rec_model *model, s3rec_vocabulary *items,
                                s3rec_vocabulary *attributes);

/* Reader and writer locks that never wait: STATE when taken the other way. */
s3rec_status s3_model_begin_scoring(s3rec_model *model);
void s3_model_end_scoring(s3rec_model *model);
s3rec_status s3_model_begin_training(s3rec_model *model);
void s3_model_end_training(s3rec_model *model);
/* Before a caller writes weights: STATE while there are scorers, allowed beside a
 * trainer. *locked goes to s3_model_end_writing. */
s3rec_status s3_model_begin_writing(s3rec_model *model, bool *locked);
void s3_model_end_writing(s3rec_model *model, bool locked);

/* values[i] = deviation * normal number i of the stream `key`. */
typedef void (*s3_normal_function)(size_t count, double deviation, uint64_t key, float *values);

/* Draws all weights from `seed` by the table's rules. Every parameter has a stream of its
 * own, so that the size of one does not change what the other parameters get. */
void s3_model_initialise(s3rec_model *model, uint64_t seed, s3_normal_function normal);

#endif
