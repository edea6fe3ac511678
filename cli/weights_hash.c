/* SPDX-License-Identifier: Apache-2.0 */
#include "weights_hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* One round of FNV-1a on a word, and a shift that brings high bits down. */
static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

static int hash_parameter(const s3rec_model *model, const s3rec_parameter_info *info,
                          uint64_t *hash) {
  float *const values = malloc(info->element_count * sizeof *values);
  if (values == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const s3rec_status status =
      s3rec_model_parameter_read(model, info->name, values, info->element_count);
  for (const char *c = info->name; *c != '\0'; c++) *hash = mix(*hash, (unsigned char)*c);
  *hash = mix(mix(*hash, (uint64_t)info->shape[0]), (uint64_t)info->shape[1]);
  for (size_t i = 0; status == S3REC_OK && i < info->element_count; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    *hash = mix(*hash, bits);
  }
  free(values);
  return status == S3REC_OK ? CLI_OK : cli_fail_status(status);
}

int cli_weights_hash(const s3rec_model *model, char hash[CLI_HASH_SIZE]) {
  uint64_t value = 0xcbf29ce484222325u;
  const size_t count = s3rec_model_parameter_count(model);
  for (size_t i = 0; i < count; i++) {
    s3rec_parameter_info info;
    s3rec_parameter_info_init(&info);
    const s3rec_status status = s3rec_model_parameter_info(model, i, &info);
    if (status != S3REC_OK) return cli_fail_status(status);
    CLI_TRY(hash_parameter(model, &info, &value));
  }
  snprintf(hash, CLI_HASH_SIZE, "%016" PRIx64, value);
  return CLI_OK;
}
