/* SPDX-License-Identifier: Apache-2.0 */
/* Fresh weights. Every parameter has a stream of its own, so that one size of
 * the model does not change what the other parameters get. */
#include "base/random.h"
#include "model/model.h"

void s3_model_initialise(s3rec_model *model, uint64_t seed, s3_normal_function normal) {
  for (size_t p = 0; p < model->table.count; p++) {
    const s3_parameter *const parameter = &model->table.parameters[p];
    float *const values = model->weights + parameter->offset;
    if (parameter->initialisation == S3_INIT_NORMAL) {
      normal(parameter->count, model->config.initializer_range, s3_key(seed, p), values);
    } else {
      const float value = parameter->initialisation == S3_INIT_ONE ? 1.0f : 0.0f;
      for (size_t i = 0; i < parameter->count; i++) values[i] = value;
    }
  }
}
