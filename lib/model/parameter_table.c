/* SPDX-License-Identifier: Apache-2.0 */
#include "model/parameter_table.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* Sizes that only a configuration gives. */
typedef enum dimension {
  NONE, /* no second dimension */
  ITEMS,
  ATTRIBUTES,
  POSITIONS,
  HIDDEN,
  INNER /* of the feed-forward block, 4 * HIDDEN */
} dimension;

typedef struct pattern {
  const char *name;
  dimension shape[2];
  s3_initialisation initialisation;
  size_t member;   /* where the offset is noted, in the struct of offsets */
  int part, parts; /* of a group of equal parameters that lie without gaps */
} pattern;

#define TABLE(member) offsetof(s3_parameter_table, member)
static const pattern embedding_patterns[] = {
    {"item_embeddings.weight", {ITEMS, HIDDEN}, S3_INIT_NORMAL, TABLE(item_embeddings), 0, 1},
    {"attribute_embeddings.weight", {ATTRIBUTES, HIDDEN}, S3_INIT_NORMAL,
     TABLE(attribute_embeddings), 0, 1},
    {"position_embeddings.weight", {POSITIONS, HIDDEN}, S3_INIT_NORMAL,
     TABLE(position_embeddings), 0, 1},
};

#define LAYER(member) offsetof(s3_layer_offsets, member)
static const pattern layer_patterns[] = {
    {"attention.query.weight", {HIDDEN, HIDDEN}, S3_INIT_NORMAL, LAYER(qkv_weight), 0, 3},
    {"attention.query.bias", {HIDDEN, NONE}, S3_INIT_ZERO, LAYER(qkv_bias), 0, 3},
    {"attention.key.weight", {HIDDEN, HIDDEN}, S3_INIT_NORMAL, LAYER(qkv_weight), 1, 3},
    {"attention.key.bias", {HIDDEN, NONE}, S3_INIT_ZERO, LAYER(qkv_bias), 1, 3},
    {"attention.value.weight", {HIDDEN, HIDDEN}, S3_INIT_NORMAL, LAYER(qkv_weight), 2, 3},
    {"attention.value.bias", {HIDDEN, NONE}, S3_INIT_ZERO, LAYER(qkv_bias), 2, 3},
    {"attention.dense.weight", {HIDDEN, HIDDEN}, S3_INIT_NORMAL, LAYER(dense_weight), 0, 1},
    {"attention.dense.bias", {HIDDEN, NONE}, S3_INIT_ZERO, LAYER(dense_bias), 0, 1},
    {"attention.LayerNorm.weight", {HIDDEN, NONE}, S3_INIT_ONE, LAYER(attention_norm_weight), 0, 1},
    {"attention.LayerNorm.bias", {HIDDEN, NONE}, S3_INIT_ZERO, LAYER(attention_norm_bias), 0, 1},
    {"intermediate.dense_1.weight", {INNER, HIDDEN}, S3_INIT_NORMAL, LAYER(dense_1_weight), 0, 1},
    {"intermediate.dense_1.bias", {INNER, NONE}, S3_INIT_ZERO, LAYER(dense_1_bias), 0, 1},
    {"intermediate.dense_2.weight", {HIDDEN, INNER}, S3_INIT_NORMAL, LAYER(dense_2_weight), 0, 1},
    {"intermediate.dense_2.bias", {HIDDEN, NONE}, S3_INIT_ZERO, LAYER(dense_2_bias), 0, 1},
    {"intermediate.LayerNorm.weight", {HIDDEN, NONE}, S3_INIT_ONE, LAYER(norm_weight), 0, 1},
    {"intermediate.LayerNorm.bias", {HIDDEN, NONE}, S3_INIT_ZERO, LAYER(norm_bias), 0, 1},
};

#define HEAD(name, head)                                                                  \
  {name ".weight", {HIDDEN, HIDDEN}, S3_INIT_NORMAL, TABLE(head_weight[head]), 0, 1},     \
      {name ".bias", {HIDDEN, NONE}, S3_INIT_ZERO, TABLE(head_bias[head]), 0, 1}
static const pattern output_patterns[] = {
    {"LayerNorm.weight", {HIDDEN, NONE}, S3_INIT_ONE, TABLE(norm_weight), 0, 1},
    {"LayerNorm.bias", {HIDDEN, NONE}, S3_INIT_ZERO, TABLE(norm_bias), 0, 1},
    HEAD("aap_norm", S3_HEAD_AAP),
    HEAD("mip_norm", S3_HEAD_MIP),
    HEAD("map_norm", S3_HEAD_MAP),
    HEAD("sp_norm", S3_HEAD_SP),
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static int64_t dimension_size(const s3rec_model_config *config, dimension which) {
  switch (which) {
    case NONE: return 1;
    case ITEMS: return config->item_size;
    case ATTRIBUTES: return config->attribute_size;
    case POSITIONS: return config->max_seq_length;
    case HIDDEN: return config->hidden_size;
    case INNER: return 4 * (int64_t)config->hidden_size;
  }
  return 0;
}

/* Appends the parameters of some patterns and notes their offsets in `offsets`.
 * 64-bit sums: no configuration that passes the check overflows them. */
static void append_parameters(s3_parameter_table *table, uint64_t *float_count,
                              const s3rec_model_config *config, const char *prefix,
                              const pattern *patterns, size_t pattern_count, void *offsets) {
  for (size_t i = 0; i < pattern_count; i++) {
    const pattern *const source = &patterns[i];
    s3_parameter *const parameter = &table->parameters[table->count++];
    snprintf(parameter->name, sizeof parameter->name, "%s%s", prefix, source->name);
    parameter->rank = source->shape[1] == NONE ? 1 : 2;
    for (int d = 0; d < 2; d++) parameter->shape[d] = dimension_size(config, source->shape[d]);
    const uint64_t count = (uint64_t)parameter->shape[0] * (uint64_t)parameter->shape[1];
    parameter->count = (size_t)count;
    parameter->initialisation = source->initialisation;

    size_t *const group = (size_t *)((char *)offsets + source->member);
    if (source->part == 0) {
      *group = (size_t)*float_count;
      *float_count += (count * (uint64_t)source->parts + 15) / 16 * 16;
    }
    parameter->offset = *group + (size_t)source->part * parameter->count;
  }
}

s3rec_status s3_parameter_table_create(const s3rec_context *context,
                                       const s3rec_model_config *config,
                                       s3_parameter_table *table) {
  const size_t layer_count = (size_t)config->num_hidden_layers;
  s3_parameter_table created = {0};
  created.parameters =
      s3_allocate(context,
                  COUNT_OF(embedding_patterns) + layer_count * COUNT_OF(layer_patterns) +
                      COUNT_OF(output_patterns),
                  sizeof *created.parameters);
  created.layers = s3_allocate(context, layer_count, sizeof *created.layers);
  if (created.parameters == NULL || created.layers == NULL) {
    s3_parameter_table_destroy(context, &created);
    return S3REC_ERROR_MEMORY;
  }

  uint64_t float_count = 0;
  append_parameters(&created, &float_count, config, "", embedding_patterns,
                    COUNT_OF(embedding_patterns), &created);
  for (size_t n = 0; n < layer_count; n++) {
    char prefix[48];
    snprintf(prefix, sizeof prefix, "item_encoder.layer.%zu.", n);
    append_parameters(&created, &float_count, config, prefix, layer_patterns,
                      COUNT_OF(layer_patterns), &created.layers[n]);
  }
  append_parameters(&created, &float_count, config, "", output_patterns, COUNT_OF(output_patterns),
                    &created);

  if (float_count > SIZE_MAX / sizeof(float)) {
    s3_parameter_table_destroy(context, &created);
    return s3_fail(S3REC_ERROR_MEMORY, "a model of %llu floats exceeds the address space",
                   (unsigned long long)float_count);
  }
  created.float_count = (size_t)float_count;
  created.dense_begin = created.parameters[1].offset;
  *table = created;
  return S3REC_OK;
}

void s3_parameter_table_destroy(const s3rec_context *context, s3_parameter_table *table) {
  s3_free(context, table->parameters);
  s3_free(context, table->layers);
  *table = (s3_parameter_table){0};
}

const s3_parameter *s3_parameter_find(const s3_parameter_table *table, const char *name) {
  for (size_t i = 0; i < table->count; i++) {
    if (strcmp(table->parameters[i].name, name) == 0) return &table->parameters[i];
  }
  s3_fail(S3REC_ERROR_NOT_FOUND, "no parameter is called '%.100s'", name);
  return NULL;
}

s3rec_status s3_parameter_match(const s3_parameter_table *table, const char *name, size_t count,
                                const s3_parameter **parameter) {
  const s3_parameter *const found = s3_parameter_find(table, name);
  if (found == NULL) return S3REC_ERROR_NOT_FOUND;
  if (count != found->count) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "count is %zu, parameter '%s' has %zu elements", count,
                   name, found->count);
  }
  *parameter = found;
  return S3REC_OK;
}
