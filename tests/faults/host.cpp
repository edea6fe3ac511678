/* SPDX-License-Identifier: Apache-2.0 */
/* A C++ host without exceptions, whose operator new and new handler are its own. The library is C:
 * it must not reach either of them, nor leave a trace of the host's failing memory.
 *
 * usage: host SEQUENCES */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "s3rec/s3rec.h"

static std::atomic<long> news{0}, handled{0};

void *operator new(std::size_t size) {
  news++;
  if (void *memory = std::malloc(size)) return memory;
  std::abort();
}
void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
  news++;
  return std::malloc(size);
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

static void no_memory() {
  handled++;
  std::abort();
}

static long requests, failing;
static void *allocate(std::size_t size, std::size_t alignment, void *) {
  void *memory = nullptr;
  if (++requests == failing || posix_memalign(&memory, alignment, size) != 0) return nullptr;
  return memory;
}
static void deallocate(void *memory, std::size_t, void *) { std::free(memory); }

/* A step of training and a recommendation; the first failure. */
static s3rec_status work(const char *path) {
  s3rec_context_options options;
  s3rec_context *context = nullptr;
  s3rec_dataset *dataset = nullptr;
  s3rec_model *model = nullptr;
  s3rec_run *run = nullptr;
  s3rec_scorer *scorer = nullptr;
  s3rec_run_options run_options;
  const int32_t history[] = {1, 2, 3};
  int32_t ids[5];
  std::size_t count;
  s3rec_context_options_init(&options);
  options.allocate = allocate;
  options.deallocate = deallocate;
  s3rec_run_options_init(&run_options, S3REC_STAGE_FINETUNE);
  s3rec_status status = s3rec_context_create(&options, &context);
  if (status == S3REC_OK) status = s3rec_dataset_load(context, path, nullptr, nullptr, &dataset);
  if (status == S3REC_OK) status = s3rec_model_create_for(dataset, nullptr, 1, &model);
  if (status == S3REC_OK) status = s3rec_run_create(model, dataset, &run_options, &run);
  if (status == S3REC_OK) status = s3rec_run_step(run, nullptr);
  if (status == S3REC_OK) status = s3rec_scorer_create(model, &scorer);
  if (status == S3REC_OK)
    status = s3rec_score_next(scorer, history, 3, nullptr, 5, ids, nullptr, &count);
  s3rec_scorer_destroy(scorer);
  s3rec_run_destroy(run);
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return status;
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  std::set_new_handler(no_memory);
  const long before = news;
  failing = 0;
  s3rec_status status = work(arguments[1]);
  if (status != S3REC_OK) return 3;
  const long all = requests;
  for (failing = 1; failing <= all; failing++) {
    requests = 0;
    status = work(arguments[1]);
    if (status != S3REC_ERROR_MEMORY) {
      std::fprintf(stderr, "request %ld: %s\n", failing, s3rec_status_name(status));
      return 4;
    }
  }
  if (std::get_new_handler() != no_memory) return 5;
  if (news != before || handled != 0) {
    std::fprintf(stderr, "operator new was called %ld times\n", news - before);
    return 6;
  }
  std::printf("%ld requests\n", all);
  return 0;
}
