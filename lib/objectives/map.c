/* SPDX-License-Identifier: Apache-2.0 */
/* Masked attribute prediction (paper section 4.3.3; masked_attribute_prediction of
 * the reference): from the output at a masked position, predict the attributes of
 * the item that was there.
 *
 *   loss = sum over masked positions t and attributes a of
 *          BCE(sigmoid(<map_norm(x_t), e_a>), has(item_t, a))
 *
 * Default weight 1. Shapes and gradient: attribute_prediction.c. */
#include "objectives/positions.h"

s3rec_status s3_map(const s3_objective_shard *shard, double weight, double *loss) {
  return s3_predict_attributes(shard, S3_HEAD_MAP, s3_select_positions(shard, true), weight, loss);
}
