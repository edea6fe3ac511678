/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors that stay in their file. */
#ifndef S3_MODEL_SAFETENSORS_MAP_H
#define S3_MODEL_SAFETENSORS_MAP_H

#include "base/context.h"
#include "model/safetensors.h"

/* Makes a block of `float_count` floats, aligned to 64 bytes, that begins with the
 * F32 tensor of this name and shape and is zero behind it:
 *
 *   | bytes before | tensor       | the block's rest    |
 *   ^ page         ^ *block       ^ copied last page, then fresh pages
 *   '--- pages of the file, copied when written ---'
 *
 * Refuses what s3_safetensors_read_f32 refuses. OK with *block NULL where the file
 * cannot serve: it was not mapped, or the tensor begins at no multiple of 64 bytes
 * or is small; *reason then says which. */
s3rec_status s3_safetensors_map_f32(const s3_safetensors *file, const char *name, int32_t rank,
                                    const int64_t *shape, size_t float_count,
                                    s3_mapping *mapping, float **block, const char **reason);

/* Maps a tensor of any kind, to be read only. False where the file cannot serve: as above,
 * but for a beginning at a multiple of `alignment`. */
bool s3_safetensors_map_bytes(const s3_safetensors *file, const s3_tensor *tensor,
                              size_t alignment, s3_mapping *mapping, const void **bytes);

#endif
