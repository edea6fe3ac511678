/* SPDX-License-Identifier: Apache-2.0 */
#include "dnnl/primitive_cache.h"

#include <string.h>

#include "dnnl/door.h"

/* A model uses about 100 primitives for its layers and 8 for each pair of query
 * and key counts. A cache that is full is emptied: that takes a thousand
 * sequence lengths, and bounds the memory at some 200 MB. */
enum { PRIMITIVE_LIMIT = 4096, SLOT_COUNT = 2 * PRIMITIVE_LIMIT };

struct s3_primitive {
  s3_primitive_key key;
  dnnl_primitive_t primitive;
  int tensor_count;
  int argument_count; /* tensors and the scratchpad, if it needs one */
  dnnl_exec_arg_t arguments[S3_MAX_TENSORS + 1];
};

s3rec_status s3_recipe_tensor(s3_recipe *recipe, int argument, int rank, const dnnl_dims_t dims,
                              const dnnl_dims_t strides) {
  s3_md *tensor = &recipe->tensors[recipe->tensor_count];
  S3_TRY_DNNL("memory descriptor", s3_md_create(tensor, rank, dims, strides));
  recipe->arguments[recipe->tensor_count++] = argument;
  return S3REC_OK;
}

s3rec_status s3_recipe_matrix(s3_recipe *recipe, int argument, int64_t rows, int64_t width) {
  return s3_recipe_tensor(recipe, argument, 2, (dnnl_dims_t){rows, width}, (dnnl_dims_t){width, 1});
}

s3rec_status s3_recipe_vector(s3_recipe *recipe, int argument, int64_t width) {
  return s3_recipe_tensor(recipe, argument, 1, (dnnl_dims_t){width}, (dnnl_dims_t){1});
}

static void destroy_recipe(s3_recipe *recipe) {
  for (int i = 0; i < recipe->tensor_count; i++) s3_md_destroy(&recipe->tensors[i]);
  dnnl_primitive_desc_destroy(recipe->desc);
  dnnl_primitive_attr_destroy(recipe->attributes);
}

static void destroy_primitive(const s3rec_context *context, s3_primitive *primitive) {
  for (int i = 0; i < primitive->argument_count; i++) {
    dnnl_memory_destroy(primitive->arguments[i].memory);
  }
  dnnl_primitive_destroy(primitive->primitive);
  s3_free(context, primitive);
}

static s3rec_status add_argument(s3_primitive *primitive, dnnl_engine_t engine, int argument,
                                 s3_md_ref md) {
  dnnl_exec_arg_t *slot = &primitive->arguments[primitive->argument_count];
  S3_TRY_DNNL("memory object", dnnl_memory_create(&slot->memory, md, engine, DNNL_MEMORY_NONE));
  slot->arg = argument;
  ++primitive->argument_count;
  return S3REC_OK;
}

/* Fills in a primitive that is zero but for its key. */
static s3rec_status build_primitive(s3_primitive_cache *cache, s3_recipe_maker make,
                                    s3_recipe *recipe, s3_primitive *primitive) {
  recipe->engine = cache->engine;
  S3_TRY_DNNL("attributes", dnnl_primitive_attr_create(&recipe->attributes));
  S3_TRY_DNNL("scratchpad mode", dnnl_primitive_attr_set_scratchpad_mode(
                                     recipe->attributes, dnnl_scratchpad_mode_user));
  S3_TRY(make(&primitive->key, recipe));
  S3_TRY_DNNL("primitive", dnnl_primitive_create(&primitive->primitive, recipe->desc));
  for (int i = 0; i < recipe->tensor_count; i++) {
    S3_TRY(add_argument(primitive, cache->engine, recipe->arguments[i],
                        s3_md_borrow(&recipe->tensors[i])));
  }
  primitive->tensor_count = recipe->tensor_count;
  const s3_md_ref scratchpad =
      dnnl_primitive_desc_query_md(recipe->desc, dnnl_query_scratchpad_md, 0);
  const size_t bytes = dnnl_memory_desc_get_size(scratchpad);
  if (bytes == 0) return S3REC_OK;
  S3_TRY(add_argument(primitive, cache->engine, DNNL_ARG_SCRATCHPAD, scratchpad));
  return s3_grow(cache->context, &cache->scratchpad, &cache->scratchpad_capacity, bytes, 1);
}

static s3rec_status make_primitive(s3_primitive_cache *cache, const s3_primitive_key *key,
                                   s3_recipe_maker make, s3_primitive **result) {
  s3_primitive *primitive = s3_allocate(cache->context, 1, sizeof *primitive);
  if (primitive == NULL) return S3REC_ERROR_MEMORY;
  primitive->key = *key;
  s3_recipe recipe = {0};
  const s3rec_status status = build_primitive(cache, make, &recipe, primitive);
  destroy_recipe(&recipe);
  if (status != S3REC_OK) {
    destroy_primitive(cache->context, primitive);
    return status;
  }
  *result = primitive;
  return S3REC_OK;
}

static size_t hash_key(const s3_primitive_key *key) {
  uint64_t hash = (uint64_t)key->kind;
  for (size_t i = 0; i < sizeof key->values / sizeof key->values[0]; i++) {
    hash = (hash ^ (uint64_t)key->values[i]) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return (size_t)hash % SLOT_COUNT;
}

/* Its slot, or the empty one where it belongs. */
static s3_primitive **find_slot(const s3_primitive_cache *cache, const s3_primitive_key *key) {
  size_t i = hash_key(key);
  while (cache->slots[i] != NULL && memcmp(&cache->slots[i]->key, key, sizeof *key) != 0) {
    i = (i + 1) % SLOT_COUNT;
  }
  return &cache->slots[i];
}

static void drop_primitives(s3_primitive_cache *cache) {
  for (size_t i = 0; i < SLOT_COUNT; i++) {
    if (cache->slots[i] != NULL) destroy_primitive(cache->context, cache->slots[i]);
    cache->slots[i] = NULL;
  }
  cache->count = 0;
}

static s3rec_status find_or_make(s3_primitive_cache *cache, const s3_primitive_key *key,
                                 s3_recipe_maker make, s3_primitive **primitive) {
  s3_primitive **slot = find_slot(cache, key);
  if (*slot == NULL) {
    s3_primitive *made;
    S3_TRY(make_primitive(cache, key, make, &made));
    if (cache->count == PRIMITIVE_LIMIT) {
      drop_primitives(cache);
      slot = find_slot(cache, key);
    }
    *slot = made;
    ++cache->count;
  }
  *primitive = *slot;
  return S3REC_OK;
}

static dnnl_status_t execute_primitive(const s3_primitive *primitive, dnnl_stream_t stream) {
  dnnl_status_t status = dnnl_primitive_execute(primitive->primitive, stream,
                                                primitive->argument_count, primitive->arguments);
  if (status == dnnl_success) status = dnnl_stream_wait(stream);
  return status;
}

static s3rec_status run_primitive(s3_primitive_cache *cache, const s3_primitive_key *key,
                                  s3_recipe_maker make, const void *const *handles) {
  s3_primitive *primitive;
  S3_TRY(find_or_make(cache, key, make, &primitive));
  for (int i = 0; i < primitive->argument_count; i++) {
    /* oneDNN has one type of handle for what it reads and what it writes. */
    void *handle = i < primitive->tensor_count ? (void *)(uintptr_t)handles[i] : cache->scratchpad;
    S3_TRY_DNNL("memory handle",
                dnnl_memory_set_data_handle(primitive->arguments[i].memory, handle));
  }
  return s3_dnnl_status(execute_primitive(primitive, cache->stream), "execution");
}

/* Making a primitive goes through the door too: oneDNN chooses by the number of threads. */
s3rec_status s3_primitive_run(s3_primitive_cache *cache, const s3_primitive_key *key,
                              s3_recipe_maker make, const void *const *handles) {
  const s3_dnnl_host host = s3_dnnl_enter();
  const s3rec_status status = run_primitive(cache, key, make, handles);
  s3_dnnl_leave(host);
  return status;
}

s3rec_status s3_primitive_cache_init(s3_primitive_cache *cache, const s3rec_context *context) {
  cache->context = context;
  cache->slots = s3_allocate(context, SLOT_COUNT, sizeof(s3_primitive *));
  if (cache->slots == NULL) return S3REC_ERROR_MEMORY;
  S3_TRY_DNNL("engine", dnnl_engine_create(&cache->engine, dnnl_cpu, 0));
  return s3_dnnl_status(
      dnnl_stream_create(&cache->stream, cache->engine, dnnl_stream_default_flags), "stream");
}

void s3_primitive_cache_clear(s3_primitive_cache *cache) {
  if (cache->slots != NULL) drop_primitives(cache);
  s3_free(cache->context, cache->slots);
  s3_free(cache->context, cache->scratchpad);
  dnnl_stream_destroy(cache->stream);
  dnnl_engine_destroy(cache->engine);
}
