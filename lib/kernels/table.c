/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the level being compiled. */
#include "kernels/level.h"

#define LEVEL_OF_baseline S3REC_KERNELS_BASELINE
#define LEVEL_OF_avx2 S3REC_KERNELS_AVX2
#define LEVEL_OF_avx512 S3REC_KERNELS_AVX512
#define LEVEL_OF_EXPANDED(level) LEVEL_OF_##level
#define LEVEL_OF(level) LEVEL_OF_EXPANDED(level)

extern const s3_kernels S3_NAME(kernels);

const s3_kernels S3_NAME(kernels) = {
    .level = LEVEL_OF(S3_LEVEL),
    .product = S3_NAME(product),
    .linear_panels = S3_NAME(linear_panels),
    .bias_forward = S3_NAME(bias_forward),
    .bias_backward = S3_NAME(bias_backward),
    .activation_forward = S3_NAME(activation_forward),
    .activation_backward = S3_NAME(activation_backward),
    .embedding_forward = S3_NAME(embedding_forward),
    .embedding_backward = S3_NAME(embedding_backward),
    .add_norm_forward = S3_NAME(add_norm_forward),
    .add_norm_backward = S3_NAME(add_norm_backward),
    .attention_forward = S3_NAME(attention_forward),
    .attention_backward = S3_NAME(attention_backward),
    .sigmoid_cross_entropy = S3_NAME(sigmoid_cross_entropy),
    .softmax_accumulate = S3_NAME(softmax_accumulate),
    .softmax_gradient = S3_NAME(softmax_gradient),
    .scale_rows = S3_NAME(scale_rows),
    .matrix_vector = S3_NAME(matrix_vector),
    .gathered_products = S3_NAME(gathered_products),
    .select_above = S3_NAME(select_above),
    .select_rows = S3_NAME(select_rows),
    .group_maxima = S3_NAME(group_maxima),
    .index_of_largest = S3_NAME(index_of_largest),
    .int8_quantize = S3_NAME(int8_quantize),
    .bf16_quantize = S3_NAME(bf16_quantize),
    .int8_bounds = S3_NAME(int8_bounds),
    .bf16_bounds = S3_NAME(bf16_bounds),
    .normal = S3_NAME(normal),
    .add = S3_NAME(add),
    .square_sum = S3_NAME(square_sum),
    .adam = S3_NAME(adam),
};
