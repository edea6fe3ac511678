/* SPDX-License-Identifier: Apache-2.0 */
/* One model while it serves, and what is made of it on demand. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "kernels/kernels.h"
#include "serving/recommender.h"

s3rec_status s3_generation_create(s3rec_model *model, uint64_t number,
                                  s3_generation **generation) {
  s3rec_context *const context = model->context;
  S3_TRY(s3_model_begin_scoring(model));
  s3_generation *const made = s3_allocate(context, 1, sizeof *made);
  if (made == NULL || pthread_mutex_init(&made->lock, NULL) != 0) {
    if (made != NULL) s3_set_error_text("no memory for a lock");
    s3_free(context, made);
    s3_model_end_scoring(model);
    return S3REC_ERROR_MEMORY;
  }
  atomic_init(&made->references, 1);
  atomic_init(&made->popular, NULL);
  atomic_init(&made->inverse_norms, NULL);
  made->model = s3_model_retain(model);
  made->number = number;
  *generation = made;
  return S3REC_OK;
}

s3_generation *s3_generation_retain(s3_generation *generation) {
  atomic_fetch_add_explicit(&generation->references, 1, memory_order_relaxed);
  return generation;
}

void s3_generation_release(s3_generation *generation) {
  if (atomic_fetch_sub_explicit(&generation->references, 1, memory_order_acq_rel) != 1) return;
  s3rec_model *const model = generation->model;
  pthread_mutex_destroy(&generation->lock);
  s3_free(model->context, atomic_load(&generation->popular));
  s3_free(model->context, atomic_load(&generation->inverse_norms));
  s3_free(model->context, generation);
  s3_model_end_scoring(model);
  s3_model_release(model);
}

/* Sorts `ids` by falling count, equal counts by rising id: by the bytes of the counts, the lowest
 * first; each pass keeps the order of equal bytes. */
static void sort_by_popularity(const int32_t *counts, size_t count, int32_t *ids,
                               int32_t *scratch) {
  int32_t *from = ids, *to = scratch;
  for (int shift = 0; shift < 32; shift += 8) {
    size_t places[256] = {0};
    for (size_t i = 0; i < count; i++) places[255 - ((uint32_t)counts[from[i]] >> shift & 255)]++;
    size_t place = 0;
    for (size_t byte = 0; byte < 256; byte++) {
      const size_t items = places[byte];
      places[byte] = place;
      place += items;
    }
    for (size_t i = 0; i < count; i++) {
      to[places[255 - ((uint32_t)counts[from[i]] >> shift & 255)]++] = from[i];
    }
    int32_t *const sorted = to;
    to = from;
    from = sorted;
  }
}

static s3rec_status order_items(s3_generation *generation) {
  const s3rec_model *const model = generation->model;
  const size_t item_size = (size_t)model->config.item_size;
  int32_t *const ids = s3_allocate_unset(model->context, item_size, sizeof *ids);
  int32_t *const scratch = s3_allocate_unset(model->context, item_size, sizeof *scratch);
  if (ids == NULL || scratch == NULL) {
    s3_free(model->context, ids);
    s3_free(model->context, scratch);
    return S3REC_ERROR_MEMORY;
  }
  size_t count = 0;
  double events = 0.0;
  for (size_t id = 1; id + 1 < item_size; id++) {
    if (model->popularity[id] == 0) continue;
    ids[count++] = (int32_t)id;
    events += model->popularity[id];
  }
  sort_by_popularity(model->popularity, count, ids, scratch);
  s3_free(model->context, scratch);
  generation->popular_count = count;
  generation->event_count = events;
  atomic_store_explicit(&generation->popular, ids, memory_order_release);
  return S3REC_OK;
}

s3rec_status s3_generation_popular(s3_generation *generation, const int32_t **ids) {
  s3rec_status status = S3REC_OK;
  *ids = atomic_load_explicit(&generation->popular, memory_order_acquire);
  if (*ids != NULL || generation->model->popularity == NULL) return S3REC_OK;
  pthread_mutex_lock(&generation->lock);
  if (atomic_load(&generation->popular) == NULL) status = order_items(generation);
  *ids = atomic_load(&generation->popular);
  pthread_mutex_unlock(&generation->lock);
  return status;
}

static s3rec_status measure_norms(s3_generation *generation) {
  const s3rec_model *const model = generation->model;
  const size_t item_size = (size_t)model->config.item_size;
  const size_t width = (size_t)model->config.hidden_size;
  const float *const table = model->weights + model->table.item_embeddings;
  float *const norms = s3_allocate_unset(model->context, item_size, sizeof *norms);
  if (norms == NULL) return S3REC_ERROR_MEMORY;
  for (size_t id = 0; id < item_size; id++) {
    const double square = model->context->kernels->square_sum(width, table + id * width);
    const double inverse = square > 0.0 ? 1.0 / sqrt(square) : 0.0;
    norms[id] = inverse > (double)FLT_MAX ? 0.0f : (float)inverse;
  }
  atomic_store_explicit(&generation->inverse_norms, norms, memory_order_release);
  return S3REC_OK;
}

s3rec_status s3_generation_inverse_norms(s3_generation *generation, const float **norms) {
  s3rec_status status = S3REC_OK;
  *norms = atomic_load_explicit(&generation->inverse_norms, memory_order_acquire);
  if (*norms != NULL) return S3REC_OK;
  pthread_mutex_lock(&generation->lock);
  if (atomic_load(&generation->inverse_norms) == NULL) status = measure_norms(generation);
  *norms = atomic_load(&generation->inverse_norms);
  pthread_mutex_unlock(&generation->lock);
  return status;
}
