/* SPDX-License-Identifier: Apache-2.0 */
/* Counters: a few sets of them, so that threads rarely write one together. */
#include "serving/recommender.h"

size_t s3_thread_place(size_t count) {
  /* Threads' numbers are addresses, which differ in few bits: multiplication spreads them. */
  const uint64_t spread = (uint64_t)(uintptr_t)pthread_self() * 0x9e3779b97f4a7c15u;
  return (size_t)(spread >> 58) & (count - 1);
}

static void add_count(atomic_uint_fast64_t *counter, uint64_t count) {
  if (count > 0) atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static size_t bucket_of(uint64_t nanoseconds) {
  const size_t bucket = nanoseconds == 0 ? 0 : 63 - (size_t)__builtin_clzll(nanoseconds);
  return bucket < S3REC_LATENCY_BUCKETS ? bucket : S3REC_LATENCY_BUCKETS - 1;
}

void s3_count_call(s3rec_recommender *recommender, uint64_t begin, s3rec_status status,
                   const s3_tally *tally) {
  s3_counters *const counters = &recommender->counters[s3_thread_place(S3_COUNTER_SETS)];
  add_count(&counters->calls, 1);
  add_count(&counters->latency[bucket_of(s3_nanoseconds() - begin)], 1);
  if (status != S3REC_OK) {
    add_count(&counters->failed_calls, 1);
    return;
  }
  add_count(&counters->users, tally->users);
  add_count(&counters->popular, tally->popular);
  add_count(&counters->empty, tally->empty);
  add_count(&counters->unknown_items, tally->unknown_items);
}

static uint64_t count_of(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

void s3_recommender_statistics(const s3rec_recommender *recommender,
                               s3rec_recommender_statistics *statistics) {
  for (size_t i = 0; i < S3_COUNTER_SETS; i++) {
    const s3_counters *const counters = &recommender->counters[i];
    statistics->call_count += count_of(&counters->calls);
    statistics->failed_call_count += count_of(&counters->failed_calls);
    statistics->user_count += count_of(&counters->users);
    statistics->popular_count += count_of(&counters->popular);
    statistics->empty_count += count_of(&counters->empty);
    statistics->unknown_item_count += count_of(&counters->unknown_items);
    for (size_t b = 0; b < S3REC_LATENCY_BUCKETS; b++) {
      statistics->latency[b] += count_of(&counters->latency[b]);
    }
  }
  s3_generation *const current = s3_recommender_current(recommender);
  statistics->model_number = current->number;
  statistics->memory = s3_model_memory(current->model) + atomic_load(&recommender->scorer_bytes);
  s3_generation_release(current);
  statistics->scorer_count = atomic_load(&recommender->scorer_count);
  statistics->refused_exchange_count = count_of(&recommender->refused_exchanges);
}

double s3_latency_of(const uint64_t *buckets, double share) {
  uint64_t calls = 0, below = 0;
  for (size_t b = 0; b < S3REC_LATENCY_BUCKETS; b++) calls += buckets[b];
  const double wanted = (share >= 0.0 ? share <= 1.0 ? share : 1.0 : 0.0) * (double)calls;
  for (size_t b = 0; b < S3REC_LATENCY_BUCKETS; b++) {
    if (buckets[b] == 0) continue;
    const double low = b == 0 ? 0.0 : (double)((uint64_t)1 << b);
    const double high = (double)((uint64_t)2 << b);
    const double part = (wanted - (double)below) / (double)buckets[b];
    below += buckets[b];
    if ((double)below >= wanted) return (low + (high - low) * part) * 1e-9;
  }
  return 0.0;
}
