/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a golden file through the public API and measures the deviations. */
#ifndef S3_TESTS_GOLDEN_REPLAY_H
#define S3_TESTS_GOLDEN_REPLAY_H

#include "golden_report.h"

/* Tolerances. A deviation is the largest |a - b| of a tensor, b golden.
 *   loss.*      1e-5 |b| + 1e-7, for a loss of 0 in float32
 *   grad.*      1e-4 max|b| + 1e-6
 *   gradnorm.*  1e-4 |b| + 1e-6
 *   encoder.*   2e-5, real tokens only
 *   scores.full 2e-5 max(1, max|b|), rows with a real last token only
 *   adam3       1e-5 where the golden gradient, and its sum with the weight decay,
 *               are at least 1e-3 of the tensor's largest gradient
 *
 * Fills the report; absent groups have tensor_count 0. False (reason on stderr)
 * when the file could not be replayed. */
bool golden_replay(s3rec_context *context, const s3_safetensors *file, int32_t shard_count,
                   golden_report *report);

#endif
