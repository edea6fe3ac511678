/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "bench.h"
#include "sampling/batch.h"

double flop_total(const flop_count *count) {
  return count->linear + count->attention + count->heads + count->logits;
}

/* Sum of n^2 over the batch's sequences. */
static double square_lengths(const s3rec_batch *batch) {
  double sum = 0;
  for (size_t s = 0; s < batch->sequence_count; s++) {
    const double n = (double)(batch->offsets[s + 1] - batch->offsets[s]);
    sum += n * n;
  }
  return sum;
}

/* One encode, forward: query, key, value, dense [H, H] and two layers [H, 4H];
 * scores and weighted values are n x n x H each. */
static void add_encode(const s3rec_model_config *config, const s3rec_batch *batch,
                       flop_count *count) {
  const double h = config->hidden_size, layers = config->num_hidden_layers;
  count->linear += layers * 2 * (double)batch->token_count * 12 * h * h;
  count->attention += layers * 2 * square_lengths(batch) * 2 * h;
}

static void scale(flop_count *count, double factor) {
  count->linear *= factor;
  count->attention *= factor;
  count->heads *= factor;
  count->logits *= factor;
}

flop_count flop_pretrain(const s3rec_model_config *config, const s3rec_batch *batch) {
  flop_count count = {0, 0, 0, 0};
  const double h = config->hidden_size, tokens = (double)batch->token_count;
  for (int stream = 0; stream < S3_ENCODED_STREAMS; stream++) add_encode(config, batch, &count);
  /* Each token is either masked (MAP, MIP) or not (AAP). */
  count.heads = 2 * tokens * (h * h + h * config->attribute_size) +
                2 * (double)(batch->target_count + batch->sequence_count) * h * h;
  scale(&count, 3);
  return count;
}

/* Number of items in the softmax of a step. For the sampled softmax it is the expected number, with
 * the library's default number of negatives. */
static double softmax_items(const s3rec_model_config *config, const s3rec_batch *batch,
                            s3rec_finetune_loss loss) {
  if (loss == S3REC_LOSS_BCE) return 0;
  bool *seen = loss == S3REC_LOSS_CE ? NULL : calloc((size_t)config->item_size, sizeof *seen);
  if (seen == NULL) return config->item_size;
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  double targets = 0;
  for (size_t t = 0; t < batch->token_count; t++) {
    const int32_t id = batch->ids[S3_STREAM_POS][t];
    targets += id != 0 && !seen[id];
    seen[id] = true;
  }
  free(seen);
  const double items = targets + options.negative_count;
  return items < config->item_size ? items : config->item_size;
}

flop_count flop_finetune(const s3rec_model_config *config, const s3rec_batch *batch,
                         s3rec_finetune_loss loss) {
  flop_count count = {0, 0, 0, 0};
  add_encode(config, batch, &count);
  count.logits = 2 * (double)batch->target_count * config->hidden_size *
                 softmax_items(config, batch, loss);
  scale(&count, 3);
  return count;
}
