/* SPDX-License-Identifier: Apache-2.0 */
/* A host that counts the library's memory, limits it, prints log lines in its own format,
 * interrupts itself by a timer and forks.
 *
 * usage: 07_host_hooks SEQUENCES */
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "s3rec/s3rec.h"

/* The library's own threads allocate too, so the counters are atomic. */
typedef struct account {
  atomic_size_t live_bytes, peak_bytes, allocations, refused;
  size_t limit; /* 0: no limit; changed only while no call of the library runs */
} account;

static void *allocate(size_t size, size_t alignment, void *user_data) {
  account *const a = user_data;
  const size_t live = atomic_fetch_add(&a->live_bytes, size) + size;
  void *memory = NULL;
  if ((a->limit != 0 && live > a->limit) || posix_memalign(&memory, alignment, size) != 0) {
    atomic_fetch_sub(&a->live_bytes, size);
    atomic_fetch_add(&a->refused, 1);
    return NULL; /* the call returns S3REC_ERROR_MEMORY and changes nothing */
  }
  atomic_fetch_add(&a->allocations, 1);
  size_t peak = atomic_load(&a->peak_bytes);
  while (live > peak && !atomic_compare_exchange_weak(&a->peak_bytes, &peak, live)) {
  }
  return memory;
}

static void deallocate(void *memory, size_t size, void *user_data) {
  account *const a = user_data;
  atomic_fetch_sub(&a->live_bytes, size);
  free(memory);
}

/* Lines come on the thread of the call that caused them, whole and without a line end. */
static void write_log(s3rec_log_level level, const char *message, void *user_data) {
  fprintf(user_data, "[recommender] %s %s\n", level == S3REC_LOG_WARNING ? "WARN" : "INFO",
          message);
}

static volatile sig_atomic_t ticks; /* a signal handler may do only this much */
static void tick(int number) {
  (void)number;
  ticks = ticks + 1;
}

static void start_timer(void) {
  struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGALRM, &action, NULL);
  const struct timeval every = {.tv_usec = 2000};
  setitimer(ITIMER_REAL, &(struct itimerval){every, every}, NULL);
}

typedef struct run {
  s3rec_context *context;
  s3rec_dataset *dataset;
  s3rec_model *model;
} run;

static s3rec_status open_run(account *a, const char *path, run *r) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.allocate = allocate;
  options.deallocate = deallocate;
  options.allocator_user_data = a;
  options.log = write_log;
  options.log_user_data = stderr;
  options.thread_count = 2;
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  s3rec_status status = s3rec_context_create(&options, &r->context);
  if (status == S3REC_OK)
    status = s3rec_dataset_load(r->context, path, NULL, NULL, &r->dataset);
  if (status == S3REC_OK) status = s3rec_dataset_info_get(r->dataset, &info);
  config.item_size = info.item_size;
  config.hidden_size = 16;
  config.num_hidden_layers = 1;
  config.max_seq_length = 20;
  return status == S3REC_OK ? s3rec_model_create(r->context, &config, 42, &r->model) : status;
}

static s3rec_status best_item(s3rec_model *model, const s3rec_dataset *dataset, int32_t *item) {
  const int32_t *history;
  size_t length, found;
  s3rec_scorer *scorer = NULL;
  s3rec_status status = s3rec_dataset_user_items(dataset, 0, &history, &length);
  if (status == S3REC_OK) status = s3rec_scorer_create(model, &scorer);
  if (status == S3REC_OK)
    status = s3rec_score_next(scorer, history, length, NULL, 1, item, NULL, &found);
  s3rec_scorer_destroy(scorer);
  return status;
}

static s3rec_status train(run *r) {
  s3rec_run_options options;
  s3rec_run_options_init(&options, S3REC_STAGE_FINETUNE);
  options.epochs = 2;
  s3rec_run *training = NULL;
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  s3rec_status status = s3rec_run_create(r->model, r->dataset, &options, &training);
  while (status == S3REC_OK && at.event != S3REC_RUN_DONE) status = s3rec_run_step(training, &at);
  s3rec_model *trained = NULL;
  if (status == S3REC_OK) status = s3rec_run_finish(training, &trained);
  s3rec_run_destroy(training);
  if (status != S3REC_OK) return status;
  s3rec_model_destroy(r->model);
  r->model = trained;
  return S3REC_OK;
}

/* Forks before the first training or evaluation with several threads: no thread has been started
 * yet, and scoring starts none. The child scores with the objects that it inherited. Memory is
 * shared until it is written. */
static int score_in_child(run *r) {
  const pid_t child = fork();
  if (child == 0) {
    int32_t item;
    _exit(best_item(r->model, r->dataset, &item) == S3REC_OK ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int result = -1;
  if (child > 0) {
    while (waitpid(child, &result, 0) < 0) {
    }
  }
  return result;
}

static s3rec_status use(account *a, const char *path, run *r) {
  s3rec_status status = open_run(a, path, r);
  if (status != S3REC_OK) return status;
  printf("child: %d\n", score_in_child(r));

  start_timer();
  status = train(r);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  if (status != S3REC_OK) return status;
  printf("interrupted while training: %s\n", ticks > 0 ? "yes" : "no");

  int32_t item, again;
  status = best_item(r->model, r->dataset, &item);
  if (status != S3REC_OK) return status;
  a->limit = atomic_load(&a->live_bytes) + 1024; /* existing blocks, and little more */
  const s3rec_status refused = train(r);
  printf("training within 1 KiB more: %s\n", s3rec_status_name(refused));
  a->limit = 0;
  status = best_item(r->model, r->dataset, &again);
  if (status == S3REC_OK) printf("the model is as before: %s\n", item == again ? "yes" : "no");
  return status;
}

int main(int count, char **arguments) {
  if (count != 2) {
    fprintf(stderr, "usage: %s SEQUENCES\n", arguments[0]);
    return EXIT_FAILURE;
  }
  account a = {0};
  run r = {0};
  const s3rec_status status = use(&a, arguments[1], &r);
  if (status != S3REC_OK)
    fprintf(stderr, "%s: %s\n", s3rec_status_name(status), s3rec_last_error());
  s3rec_model_destroy(r.model);
  s3rec_dataset_destroy(r.dataset);
  s3rec_context_destroy(r.context);
  printf("%zu allocations, peak %zu bytes, %zu refused, %zu bytes left\n",
         atomic_load(&a.allocations), atomic_load(&a.peak_bytes), atomic_load(&a.refused),
         atomic_load(&a.live_bytes));
  return status == S3REC_OK && atomic_load(&a.live_bytes) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
