/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include <dlfcn.h>
#include <fenv.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

fault_control *flow_faults(void) {
  static fault_control without;
  void *const found = dlsym(RTLD_DEFAULT, "s3_fault_control");
  fault_control_function *function;
  if (found == NULL) return &without;
  memcpy(&function, &found, sizeof function);
  return function();
}

static const char *path_in(const char *folder, const char *name) {
  enum { PATHS = 8 };
  static _Thread_local char paths[PATHS][1024];
  static _Thread_local unsigned next;
  char *const path = paths[next++ % PATHS];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

const char *flow_input(const flow *f, const char *name) { return path_in(f->files, name); }
const char *flow_output(const flow *f, const char *name) { return path_in(f->work, name); }

const flow_part *flow_part_find(const char *name) {
  const flow_part *const lists[] = {flow_data_parts, flow_training_parts, flow_serving_parts};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    for (const flow_part *part = lists[i]; part->name != NULL; part++)
      if (strcmp(part->name, name) == 0) return part;
  return NULL;
}

/* ---- digest ---- */

static uint64_t hash(uint64_t seed, const void *bytes, size_t size) {
  const unsigned char *const next = bytes;
  for (size_t i = 0; i < size; i++) seed = (seed ^ next[i]) * UINT64_C(0x100000001b3);
  return seed;
}

void flow_add(flow *f, const void *bytes, size_t size) {
  f->result->digest = hash(f->result->digest, bytes, size);
}

uint64_t flow_file_hash(const char *path) {
  char piece[4096];
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  uint64_t seed = UINT64_C(0xcbf29ce484222325);
  for (ssize_t size; (size = read(file, piece, sizeof piece)) > 0;)
    seed = hash(seed, piece, (size_t)size);
  close(file);
  return seed;
}

void flow_add_file(flow *f, const char *path) {
  const uint64_t found = flow_file_hash(path);
  if (found == 0) flow_problem(f, path, "it is not there");
  flow_add(f, &found, sizeof found);
}

void flow_add_model(flow *f, const s3rec_model *model) {
  const uint64_t fingerprint = s3rec_model_fingerprint(model);
  flow_add(f, &fingerprint, sizeof fingerprint);
}

/* ---- around a call ---- */

/* What no call may change. */
typedef struct surroundings {
  sigset_t mask;
  int rounding;
  unsigned control; /* the SSE unit's modes, without its flags */
} surroundings;

static surroundings before;

static surroundings look_around(void) {
  surroundings seen = {.rounding = fegetround()};
  pthread_sigmask(SIG_SETMASK, NULL, &seen.mask);
#ifdef __SSE__
  seen.control = __builtin_ia32_stmxcsr() & ~0x3fu;
#endif
  return seen;
}

void flow_problem(flow *f, const char *call, const char *what) {
  if (f->result->problem[0] == '\0')
    snprintf(f->result->problem, sizeof f->result->problem, "%.200s: %.280s", call, what);
}

static void check_surroundings(flow *f, const char *call) {
  const surroundings after = look_around();
  for (int signal = 1; signal < NSIG; signal++)
    if (sigismember(&before.mask, signal) != sigismember(&after.mask, signal))
      return flow_problem(f, call, "the signal mask has changed");
  if (before.rounding != after.rounding || before.control != after.control)
    flow_problem(f, call, "floating-point modes have changed");
}

void flow_arm(flow *f) {
  before = look_around();
  atomic_store(&f->faults->armed, 1);
}

bool flow_judge(flow *f, s3rec_status status, const char *call) {
  atomic_store(&f->faults->armed, 0);
  check_surroundings(f, call);
  if (status == S3REC_OK) return true;
  f->result->failures++;
  const unsigned group = status == S3REC_ERROR_MEMORY   ? FLOW_MEMORY
                         : status == S3REC_ERROR_IO     ? FLOW_IO
                         : status == S3REC_ERROR_THREAD ? FLOW_THREAD
                                                        : 0;
  char what[256];
  snprintf(what, sizeof what, "%s: %.200s", s3rec_status_name(status), s3rec_last_error());
  if ((group & f->allowed) == 0) flow_problem(f, call, what);
  if (s3rec_last_error()[0] == '\0') flow_problem(f, call, "a failure without a text");
  if (!f->retry) fprintf(stderr, "%s\n", what);
  return false;
}

bool flow_again(flow *f, s3rec_status status, const char *call) {
  if (status == S3REC_OK) return true;
  char what[300];
  snprintf(what, sizeof what, "after a failure, without faults: %s: %.200s",
           s3rec_status_name(status), s3rec_last_error());
  flow_problem(f, call, what);
  return false;
}

void flow_save_failed(flow_save *save) { save->failed = flow_file_hash(save->path); }

void flow_save_done(flow *f, const flow_save *save, const char *call) {
  if (save->failed != save->before && save->failed != flow_file_hash(save->path))
    flow_problem(f, call, "the file is neither the old one nor the new one");
}

/* ---- a part ---- */

static void destroy_handles(flow *f) {
  s3rec_answer_destroy(f->answer);
  s3rec_filter_destroy(f->filter);
  s3rec_recommender_destroy(f->recommender);
  s3rec_scorer_destroy(f->scorer);
  s3rec_run_state_destroy(f->state);
  s3rec_run_destroy(f->run);
  s3rec_trainer_destroy(f->trainer);
  s3rec_batch_destroy(f->batch);
  s3rec_sampler_destroy(f->sampler);
  s3rec_model_destroy(f->other);
  s3rec_model_destroy(f->model);
  s3rec_vocabulary_destroy(f->names);
  s3rec_dataset_destroy(f->dataset);
  s3rec_events_destroy(f->events);
  s3rec_context_destroy(f->context);
}

void flow_run(flow *f, const flow_part *part) {
  flow_result *const result = f->result;
  s3rec_context_create(NULL, NULL); /* fails: from now on the thread has room for failure texts */
  const long live = atomic_load(&f->faults->live);
  result->digest = UINT64_C(0xcbf29ce484222325);
  part->run(f);
  destroy_handles(f);
  /* A thread keeps room for texts from its first failure on: here every run has had one. */
  s3rec_context_create(NULL, NULL);
  result->live = atomic_load(&f->faults->live) - live;
  result->memory = atomic_load(&f->faults->memory.count);
  result->calls = atomic_load(&f->faults->calls.count);
  result->hits = atomic_load(&f->faults->memory.hits) + atomic_load(&f->faults->calls.hits);
  result->ended = true;
}
