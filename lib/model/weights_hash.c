/* SPDX-License-Identifier: Apache-2.0 */
#include "model/weights_hash.h"

#include <string.h>

static const uint64_t basis = 0xcbf29ce484222325u;

/* One round of FNV-1a on a word, and a shift that brings high bits down. */
static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

uint64_t s3_weights_hash(const s3_parameter_table *table, const float *block) {
  uint64_t hash = basis;
  for (size_t i = 0; i < table->count; i++) {
    const s3_parameter *const parameter = &table->parameters[i];
    for (const char *c = parameter->name; *c != '\0'; c++) hash = mix(hash, (unsigned char)*c);
    hash = mix(mix(hash, (uint64_t)parameter->shape[0]), (uint64_t)parameter->shape[1]);
    for (size_t j = 0; j < parameter->count; j++) {
      uint32_t bits;
      memcpy(&bits, &block[parameter->offset + j], sizeof bits);
      hash = mix(hash, bits);
    }
  }
  return hash;
}

uint64_t s3_numbers_hash(const int32_t *numbers, size_t count) {
  uint64_t hash = basis;
  for (size_t i = 0; i < count; i++) hash = mix(hash, (uint32_t)numbers[i]);
  return hash;
}
