/* SPDX-License-Identifier: Apache-2.0 */
/* Two objectives that predict the attributes of a position's own item from the output at
 * that position.
 *
 *   aap   Associated attribute prediction (paper section 4.3.1;
 *         associated_attribute_prediction of the reference): at the positions that are
 *         not masked. Default weight 0.2.
 *   map   Masked attribute prediction (paper section 4.3.3; masked_attribute_prediction
 *         of the reference): at the masked positions. Default weight 1.
 *
 * Over the M chosen positions, A attributes, E = attribute_embeddings [A,H], and the
 * head aap_norm or map_norm (W, b):
 *
 *   y [M,H] = x W^T + b           logits [M,A] = y E^T
 *   loss = sum over M and A of binary cross-entropy(sigmoid(logits), labels)
 *   diff_logits = weight (sigmoid(logits) - labels)
 *   diff_y = diff_logits E        diff_E += diff_logits^T y
 *
 * Labels stay sparse; rows go in tiles so that memory does not grow with M x A. */
#include "base/error.h"
#include "kernels/kernels.h"
#include "objectives/objective.h"

/* Of the hidden rows scratch->rows[0..count-1] with labels scratch->label_{begin,end}. */
static s3rec_status predict_attributes(const s3_objective_shard *shard, s3_head head, size_t count,
                                       double weight, double *loss) {
  const size_t hidden = (size_t)shard->config->hidden_size;
  const size_t attributes = (size_t)shard->config->attribute_size;
  const s3_parameter_table *table = shard->table;
  const s3_backend_operations *op = shard->backend->operations;
  const s3_objective_scratch *scratch = shard->scratch;
  const float *embeddings = shard->weights + table->attribute_embeddings;
  float *x = scratch->floats, *y = x + S3_ATTRIBUTE_ROWS * hidden;
  float *logits = y + S3_ATTRIBUTE_ROWS * hidden;
  *loss = 0.0;
  for (size_t first = 0; first < count; first += S3_ATTRIBUTE_ROWS) {
    const size_t rows = count - first < S3_ATTRIBUTE_ROWS ? count - first : S3_ATTRIBUTE_ROWS;
    S3_TRY(s3_head_forward(shard, head, scratch->rows + first, rows, x, y));
    S3_TRY(op->linear_forward(shard->backend, rows, hidden, attributes, y, embeddings, logits));
    *loss += shard->context->kernels->sigmoid_cross_entropy(
        rows, attributes, logits, scratch->label_begin + first, scratch->label_end + first,
        shard->batch->attributes, (float)weight);
    S3_TRY(op->linear_backward_weights(
        shard->backend, rows, hidden, attributes, y, logits,
        s3_dense_at(table, shard->diff_dense, table->attribute_embeddings)));
    S3_TRY(op->linear_backward_data(shard->backend, rows, hidden, attributes, logits, embeddings,
                                    false, y));
    S3_TRY(s3_head_backward(shard, head, scratch->rows + first, rows, x, y));
  }
  return S3REC_OK;
}

s3rec_status s3_aap(const s3_objective_shard *shard, double weight, double *loss) {
  return predict_attributes(shard, S3_HEAD_AAP, s3_select_positions(shard, false), weight, loss);
}

s3rec_status s3_map(const s3_objective_shard *shard, double weight, double *loss) {
  return predict_attributes(shard, S3_HEAD_MAP, s3_select_positions(shard, true), weight, loss);
}
