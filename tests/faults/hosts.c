/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flow_make.h"

enum { TIMES = 5, KIB = 1024 };

static flow_result result;

/* Runs the part and prints its digest; an exit status. */
static int run_and_print(flow *f, const flow_part *part) {
  flow again = *f;
  result = (flow_result){0};
  again.result = &result;
  again.faults = flow_faults();
  flow_run(&again, part);
  if (result.problem[0] != '\0') fprintf(stderr, "%s\n", result.problem);
  if (result.problem[0] != '\0' || result.failures != 0) return 3;
  printf("%016llx\n", (unsigned long long)result.digest);
  return 0;
}

/* ---- floating-point modes ---- */

static bool set_mode(const char *name) {
#ifdef __SSE__
  enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x40 };
  if (strcmp(name, "ftz") == 0) {
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return true;
  }
#endif
  if (strcmp(name, "upward") == 0) return fesetround(FE_UPWARD) == 0;
  if (strcmp(name, "downward") == 0) return fesetround(FE_DOWNWARD) == 0;
  return strcmp(name, "toward_zero") == 0 && fesetround(FE_TOWARDZERO) == 0;
}

/* ---- locales ---- */

static int run_in_locale(flow *f, const flow_part *part, const char *name, bool of_thread) {
  char point[16];
  if (of_thread) {
    const locale_t made = newlocale(LC_ALL_MASK, name, (locale_t)0);
    if (made == (locale_t)0) return 5;
    uselocale(made);
  } else if (setlocale(LC_ALL, name) == NULL) {
    return 5;
  }
  snprintf(point, sizeof point, "%s", localeconv()->decimal_point);
  const int status = run_and_print(f, part);
  if (strcmp(point, localeconv()->decimal_point) == 0) return status;
  fprintf(stderr, "the locale has changed\n");
  return 3;
}

/* ---- small stacks ---- */

typedef struct thread_run {
  flow *f;
  const flow_part *part;
  int status;
} thread_run;

static void *run_in_thread(void *argument) {
  thread_run *const run = argument;
  run->status = run_and_print(run->f, run->part);
  return NULL;
}

static int run_on_stack(flow *f, const flow_part *part, size_t bytes) {
  thread_run run = {f, part, 6};
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  if (pthread_attr_setstacksize(&attributes, bytes) == 0 &&
      pthread_create(&thread, &attributes, run_in_thread, &run) == 0)
    pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  return run.status;
}

/* ---- a profiler's timer ---- */

static volatile sig_atomic_t ticks;
static void tick(int number) {
  volatile char frame[2 * KIB]; /* a handler that uses its stack */
  (void)number;
  for (size_t i = 0; i < sizeof frame; i++) frame[i] = (char)i;
  ticks = ticks + 1;
}

static int run_with_timer(flow *f, const flow_part *part, bool profiler, bool own_stack) {
  static char stack[64 * KIB];
  const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
  if (own_stack) sigaltstack(&alternative, NULL);
  struct sigaction action = {.sa_handler = tick, .sa_flags = own_stack ? SA_ONSTACK : 0};
  sigemptyset(&action.sa_mask);
  sigaction(profiler ? SIGPROF : SIGALRM, &action, NULL);
  const struct timeval every = {.tv_usec = 1000};
  setitimer(profiler ? ITIMER_PROF : ITIMER_REAL, &(struct itimerval){every, every}, NULL);
  int status = 0;
  for (int i = 0; status == 0 && i < TIMES; i++) status = run_and_print(f, part);
  setitimer(profiler ? ITIMER_PROF : ITIMER_REAL, &(struct itimerval){0}, NULL);
  struct sigaction now;
  sigaction(profiler ? SIGPROF : SIGALRM, NULL, &now);
  if (now.sa_handler == tick) return status;
  fprintf(stderr, "the signal's handler has changed\n");
  return 3;
}

/* ---- fork ---- */

/* Scores with a model and takes a step with a copy of it; a digest. */
static uint64_t use_inherited(flow *f) {
  static const int32_t history[] = {3, 9, 4};
  int32_t ids[5] = {0};
  float scores[5] = {0};
  size_t count;
  s3rec_run_options options;
  s3rec_run_options_init(&options, S3REC_STAGE_FINETUNE);
  if (s3rec_model_clone(f->model, &f->other) != S3REC_OK ||
      s3rec_scorer_create(f->model, &f->scorer) != S3REC_OK ||
      s3rec_score_next(f->scorer, history, 3, NULL, 5, ids, scores, &count) != S3REC_OK ||
      s3rec_run_create(f->other, f->dataset, &options, &f->run) != S3REC_OK ||
      s3rec_run_step(f->run, NULL) != S3REC_OK ||
      s3rec_run_save(f->run, flow_output(f, "fork.state")) != S3REC_OK)
    flow_problem(f, "in the child", s3rec_last_error());
  flow_add(f, ids, sizeof ids);
  flow_add(f, scores, sizeof scores);
  flow_add_file(f, flow_output(f, "fork.state"));
  return result.problem[0] == '\0' ? result.digest : 0;
}

static int wait_for(pid_t child) {
  int status = -1;
  while (child > 0 && waitpid(child, &status, 0) < 0) {
  }
  return status;
}

static int fork_and_use(flow *f, const flow_part *part) {
  (void)part;
  int pipes[2];
  uint64_t in_child = 1;
  f->result = &result;
  f->faults = flow_faults();
  flow_make_model(f);
  fflush(NULL);
  if (f->model == NULL || pipe(pipes) != 0) return 6;
  const pid_t child = fork();
  if (child == 0) {
    alarm(600);
    const uint64_t digest = use_inherited(f);
    _exit(write(pipes[1], &digest, sizeof digest) == (ssize_t)sizeof digest ? 0 : 1);
  }
  if (wait_for(child) != 0 || read(pipes[0], &in_child, sizeof in_child) < 0) return 3;
  return use_inherited(f) == in_child && in_child != 0 ? 0 : 3;
}

static atomic_int training_over;
static void *train_meanwhile(void *argument) {
  thread_run *const run = argument;
  for (int i = 0; i < TIMES && run->status == 0; i++)
    run->status = run_and_print(run->f, run->part);
  atomic_store(&training_over, 1);
  return NULL;
}

/* Children that only call exec, while another thread trains. */
static int fork_and_exec(flow *f, const flow_part *part) {
  thread_run run = {f, part, 0};
  pthread_t thread;
  int failed = 0;
  fflush(NULL);
  if (pthread_create(&thread, NULL, train_meanwhile, &run) != 0) return 6;
  do {
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/true", "true", (char *)NULL);
      _exit(1);
    }
    failed |= wait_for(child);
  } while (atomic_load(&training_over) == 0);
  pthread_join(thread, NULL);
  return failed != 0 ? 3 : run.status;
}

/* ---- a mapped model whose file changes ---- */

static uint64_t ask_mapped(flow *f) {
  static const int32_t history[] = {3, 9, 4};
  float scores[20000] = {0};
  if (s3rec_score_all(f->scorer, history, 3, scores, 20000) != S3REC_OK) return 0;
  result.digest = 0;
  flow_add(f, scores, sizeof scores);
  return result.digest;
}

static int mapped(flow *f, const flow_part *part) {
  (void)part;
  const char *const path = flow_output(f, "mapped.safetensors");
  f->result = &result;
  f->faults = flow_faults();
  if (s3rec_context_create(NULL, &f->context) != S3REC_OK ||
      s3rec_model_load(f->context, flow_input(f, "large.safetensors"), NULL, &f->model) ||
      s3rec_model_save(f->model, path) || s3rec_model_map(f->context, path, NULL, &f->other) ||
      s3rec_scorer_create(f->other, &f->scorer))
    return 6;
  const uint64_t before = ask_mapped(f);
  if (rename(flow_output(f, "mapped.safetensors"), flow_output(f, "old.safetensors")) != 0 ||
      s3rec_model_load(f->context, flow_input(f, "named.safetensors"), NULL, &f->model) ||
      s3rec_model_save(f->model, path) != S3REC_OK || ask_mapped(f) != before)
    return 3;
  if (unlink(path) != 0 || ask_mapped(f) != before || before == 0) return 3;
  fflush(NULL);
  const pid_t child = fork();
  if (child == 0) {
    const int cut = truncate(flow_output(f, "old.safetensors"), 64);
    ask_mapped(f);
    _exit(cut);
  }
  const int status = wait_for(child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS ? 0 : 3;
}

int host_run(flow *f, const flow_part *part, const char *host) {
  if (strncmp(host, "locale=", 7) == 0) return run_in_locale(f, part, host + 7, false);
  if (strncmp(host, "uselocale=", 10) == 0) return run_in_locale(f, part, host + 10, true);
  if (strncmp(host, "stack=", 6) == 0)
    return run_on_stack(f, part, (size_t)strtoul(host + 6, NULL, 10) * KIB);
  if (strcmp(host, "alarm") == 0) return run_with_timer(f, part, false, false);
  if (strcmp(host, "alarm,sigaltstack") == 0) return run_with_timer(f, part, false, true);
  if (strcmp(host, "prof") == 0) return run_with_timer(f, part, true, false);
  if (strcmp(host, "prof,sigaltstack") == 0) return run_with_timer(f, part, true, true);
  if (strcmp(host, "fork") == 0) return fork_and_use(f, part);
  if (strcmp(host, "exec") == 0) return fork_and_exec(f, part);
  if (strcmp(host, "mapped") == 0) return mapped(f, part);
  return set_mode(host) ? run_and_print(f, part) : 2;
}
