/* SPDX-License-Identifier: Apache-2.0 */
/* Recommender and its idle seats. A thread looks for a seat in its own slot first, so threads
 * rarely meet, and no call on the hot path takes a lock.
 *
 * After an exchange the idle seats of the old generation are destroyed. A call that puts its seat
 * back meanwhile looks at `current` after it wrote the slot, and the exchange looks at the slots
 * after it wrote `current`; so one of the two sees the other and no old seat remains. */
#include "base/error.h"
#include "model/model_file.h"
#include "serving/recommender.h"

s3_generation *s3_recommender_current(const s3rec_recommender *recommender) {
  s3rec_recommender *const shared = (s3rec_recommender *)recommender;
  pthread_mutex_lock(&shared->lock); /* else it might be freed before it is retained */
  s3_generation *const current = s3_generation_retain(atomic_load(&shared->current));
  pthread_mutex_unlock(&shared->lock);
  return current;
}

s3rec_status s3_seat_create(s3rec_recommender *recommender, s3_generation *generation,
                            s3_seat **seat) {
  const s3rec_context *const context = recommender->context;
  s3_seat *const made = s3_allocate(context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  const s3rec_status status = s3_scorer_create(generation->model, recommender->scan, &made->scorer);
  if (status != S3REC_OK) {
    s3_free(context, made);
    return status;
  }
  made->generation = s3_generation_retain(generation);
  atomic_fetch_add(&recommender->scorer_count, 1);
  *seat = made;
  return S3REC_OK;
}

static void destroy_seat(s3rec_recommender *recommender, s3_seat *seat) {
  const s3rec_context *const context = seat->generation->model->context;
  atomic_fetch_sub(&recommender->scorer_count, 1);
  atomic_fetch_sub(&recommender->scorer_bytes, seat->counted_bytes);
  s3_scorer_destroy(seat->scorer);
  s3_free(context, seat->given);
  s3_free(context, seat->direction);
  s3_free(context, seat->scores);
  s3_free(context, seat->ranked);
  s3_generation_release(seat->generation);
  s3_free(recommender->context, seat);
}

static s3_seat *take_spare(s3rec_recommender *recommender) {
  if (atomic_load(&recommender->spare_count) == 0) return NULL;
  pthread_mutex_lock(&recommender->lock);
  s3_seat *const seat = recommender->spare;
  if (seat != NULL) {
    recommender->spare = seat->next;
    atomic_fetch_sub(&recommender->spare_count, 1);
  }
  pthread_mutex_unlock(&recommender->lock);
  return seat;
}

static s3_seat *take_idle(s3rec_recommender *recommender) {
  const size_t first = s3_thread_place(S3_SEAT_SLOTS);
  for (size_t i = 0; i < S3_SEAT_SLOTS; i++) {
    s3_seat_slot *const slot = &recommender->slots[(first + i) % S3_SEAT_SLOTS];
    if (atomic_load_explicit(&slot->seat, memory_order_relaxed) == NULL) continue;
    s3_seat *const seat = atomic_exchange(&slot->seat, NULL);
    if (seat != NULL) return seat;
  }
  return take_spare(recommender);
}

/* Puts it where the next call finds it. */
static void leave_seat(s3rec_recommender *recommender, s3_seat *seat) {
  const size_t first = s3_thread_place(S3_SEAT_SLOTS);
  for (size_t i = 0; i < S3_SEAT_SLOTS; i++) {
    s3_seat_slot *const slot = &recommender->slots[(first + i) % S3_SEAT_SLOTS];
    s3_seat *none = NULL;
    if (atomic_load_explicit(&slot->seat, memory_order_relaxed) == NULL &&
        atomic_compare_exchange_strong(&slot->seat, &none, seat))
      return;
  }
  pthread_mutex_lock(&recommender->lock);
  seat->next = recommender->spare;
  recommender->spare = seat;
  atomic_fetch_add(&recommender->spare_count, 1);
  pthread_mutex_unlock(&recommender->lock);
}

/* Destroys the idle seats that are not of the current generation; with `all`, the others too. */
static void sweep_seats(s3rec_recommender *recommender, bool all) {
  for (size_t i = 0; i < S3_SEAT_SLOTS; i++) {
    s3_seat *const seat = atomic_exchange(&recommender->slots[i].seat, NULL);
    if (seat == NULL) continue;
    if (all)
      destroy_seat(recommender, seat);
    else
      s3_seat_put_back(recommender, seat);
  }
  pthread_mutex_lock(&recommender->lock);
  s3_seat *spare = recommender->spare;
  recommender->spare = NULL;
  atomic_store(&recommender->spare_count, 0);
  pthread_mutex_unlock(&recommender->lock);
  while (spare != NULL) {
    s3_seat *const next = spare->next;
    if (all)
      destroy_seat(recommender, spare);
    else
      s3_seat_put_back(recommender, spare);
    spare = next;
  }
}

void s3_seat_put_back(s3rec_recommender *recommender, s3_seat *seat) {
  const s3_generation *const generation = seat->generation;
  if (generation != atomic_load(&recommender->current)) {
    destroy_seat(recommender, seat);
    return;
  }
  const size_t bytes = s3_scorer_memory(seat->scorer);
  if (bytes != seat->counted_bytes) {
    atomic_fetch_add(&recommender->scorer_bytes, bytes - seat->counted_bytes);
    seat->counted_bytes = bytes;
  }
  leave_seat(recommender, seat);
  /* The seat is no longer ours; only the address of its generation is compared. */
  if (generation != atomic_load(&recommender->current)) sweep_seats(recommender, false);
}

s3rec_status s3_seat_take(s3rec_recommender *recommender, s3_generation *generation,
                          s3_seat **seat) {
  for (s3_seat *idle; (idle = take_idle(recommender)) != NULL;) {
    const s3_generation *const current = atomic_load(&recommender->current);
    if (idle->generation == (generation != NULL ? generation : current)) {
      *seat = idle;
      return S3REC_OK;
    }
    const bool newer = idle->generation == current;
    s3_seat_put_back(recommender, idle); /* or destroy it, if it is an old one */
    if (newer) break;
  }
  if (generation != NULL) return s3_seat_create(recommender, generation, seat);
  s3_generation *const current = s3_recommender_current(recommender);
  const s3rec_status status = s3_seat_create(recommender, current, seat);
  s3_generation_release(current);
  return status;
}

void s3_recommender_set_current(s3rec_recommender *recommender, s3_generation *generation) {
  pthread_mutex_lock(&recommender->lock);
  s3_generation *const old = atomic_exchange(&recommender->current, generation);
  pthread_mutex_unlock(&recommender->lock);
  sweep_seats(recommender, false);
  s3_generation_release(old);
}

s3rec_status s3_recommender_open_model(s3rec_context *context, const char *path, bool copy,
                                       s3rec_model **model) {
  return copy ? s3_model_load(context, path, NULL, model)
              : s3_model_map(context, path, NULL, model);
}

s3rec_status s3_recommender_create(s3rec_context *context, s3rec_model *model,
                                   const s3rec_recommender_options *options,
                                   s3rec_recommender **recommender) {
  s3_generation *first = NULL;
  s3_seat *seat = NULL;
  s3rec_recommender *const made = s3_allocate(context, 1, sizeof *made);
  if (made == NULL) return S3REC_ERROR_MEMORY;
  if (pthread_mutex_init(&made->lock, NULL) != 0) {
    s3_free(context, made);
    return s3_fail(S3REC_ERROR_MEMORY, "no memory for a lock");
  }
  if (pthread_mutex_init(&made->exchange_lock, NULL) != 0) {
    pthread_mutex_destroy(&made->lock);
    s3_free(context, made);
    return s3_fail(S3REC_ERROR_MEMORY, "no memory for a lock");
  }
  made->context = s3_context_retain(context);
  made->copy = options->copy != 0;
  made->scan = options->scan;
  s3rec_status status = s3_generation_create(model, 1, &first);
  if (status == S3REC_OK) {
    atomic_init(&made->current, first);
    status = s3_seat_create(made, first, &seat);
  }
  if (status != S3REC_OK) {
    s3_recommender_destroy(made);
    return status;
  }
  s3_seat_put_back(made, seat);
  *recommender = made;
  return S3REC_OK;
}

void s3_recommender_destroy(s3rec_recommender *recommender) {
  s3rec_context *const context = recommender->context;
  s3_generation *const current = atomic_load(&recommender->current);
  sweep_seats(recommender, true);
  if (current != NULL) s3_generation_release(current);
  pthread_mutex_destroy(&recommender->exchange_lock);
  pthread_mutex_destroy(&recommender->lock);
  s3_free(context, recommender);
  s3_context_release(context);
}
