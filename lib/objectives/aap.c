/* SPDX-License-Identifier: Apache-2.0 */
/* Associated attribute prediction (paper section 4.3.1; associated_attribute_prediction
 * of the reference): from the output at a position that is not masked, predict the
 * attributes of its own item.
 *
 *   loss = sum over unmasked positions t and attributes a of
 *          BCE(sigmoid(<aap_norm(x_t), e_a>), has(item_t, a))
 *
 * Default weight 0.2. Shapes and gradient: attribute_prediction.c. */
#include "objectives/positions.h"

s3rec_status s3_aap(const s3_objective_shard *shard, double weight, double *loss) {
  return s3_predict_attributes(shard, S3_HEAD_AAP, s3_select_positions(shard, false), weight, loss);
}
