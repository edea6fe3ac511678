/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements that each run in their own process, and the model file that they open. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static bool read_all(int descriptor, void *bytes, size_t count) {
  char *next = bytes;
  while (count > 0) {
    const ssize_t got = read(descriptor, next, count);
    if (got <= 0) return false;
    next += got;
    count -= (size_t)got;
  }
  return true;
}

int bench_child(const bench_settings *settings, const char *path, child_function function,
                double *values) {
  int ends[2], state = 0;
  double results[CHILD_VALUES] = {0};
  if (pipe(ends) != 0) {
    perror("s3rec-bench: pipe");
    return 1;
  }
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const int code = function(settings, path, results);
    const bool sent = write(ends[1], results, sizeof results) == (ssize_t)sizeof results;
    _exit(code == 0 && sent ? 0 : 1);
  }
  close(ends[1]);
  const bool got = child > 0 && read_all(ends[0], results, sizeof results);
  close(ends[0]);
  if (child < 0 || waitpid(child, &state, 0) != child) {
    perror("s3rec-bench: fork");
    return 1;
  }
  if (!got || !WIFEXITED(state) || WEXITSTATUS(state) != 0) return 1; /* it printed the reason */
  memcpy(values, results, sizeof results);
  return 0;
}

enum { CREATIONS = 3 };

/* Medians, because the first time the system may have to find the memory. */
static s3rec_status create_model(const bench_workload *work, const s3rec_model_config *config,
                                 s3rec_model **model, double *values) {
  double seconds[CREATIONS], computed[CREATIONS];
  for (int i = 0; i < CREATIONS; i++) {
    s3rec_model_destroy(*model);
    *model = NULL;
    const double begin = bench_clock(), computing = bench_thread_clock();
    const s3rec_status status = s3rec_model_create(work->context, config, 1, model);
    if (status != S3REC_OK) return status;
    computed[i] = bench_thread_clock() - computing;
    seconds[i] = bench_clock() - begin;
  }
  values[CHILD_CREATE] = bench_median(seconds, CREATIONS);
  values[CHILD_CREATE_CPU] = bench_median(computed, CREATIONS);
  return S3REC_OK;
}

static int make_model(const bench_settings *settings, const char *path, double *values) {
  bench_workload work;
  s3rec_model_config config;
  s3rec_model *model = NULL;
  if (workload_create(settings, &work) != 0) return 1;
  s3rec_model_config_init(&config);
  s3rec_status status = s3rec_model_config_get(work.model, &config);
  if (status == S3REC_OK) status = create_model(&work, &config, &model, values);
  const double created = bench_clock();
  if (status == S3REC_OK) status = s3rec_model_save(model, path);
  values[CHILD_SAVE] = bench_clock() - created;
  values[CHILD_ITEM_SIZE] = config.item_size;
  values[CHILD_TABLE_BYTES] = sizeof(float) * (double)config.item_size * config.hidden_size;
  s3rec_model_destroy(model);
  workload_destroy(&work);
  return status == S3REC_OK ? 0 : bench_fail("a model in a file");
}

int bench_model_file(const bench_settings *settings, char *folder, char *path, double *values) {
  const char *const temporary = getenv("TMPDIR");
  bench_settings large = *settings;
  large.data = large.name = NULL; /* no data set is this large */
  if (large.items == 0) large.items = 1000000;
  snprintf(folder, PATH_MAX, "%s/s3rec-bench-XXXXXX", temporary != NULL ? temporary : "/tmp");
  if (mkdtemp(folder) == NULL) {
    perror(folder);
    return 1;
  }
  snprintf(path, PATH_MAX, "%.*s/model.safetensors", PATH_MAX - 32, folder);
  const int code = bench_child(&large, path, make_model, values);
  if (code != 0) rmdir(folder);
  return code;
}

void bench_model_file_remove(const char *folder, const char *path) {
  unlink(path);
  rmdir(folder);
}

s3rec_status bench_open_model(const bench_settings *settings, const char *path, bool map,
                              s3rec_context **context, s3rec_model **model) {
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.thread_count = settings->thread_count;
  options.backend = settings->backend;
  options.kernel_level = settings->kernel_level;
  s3rec_status status = s3rec_context_create(&options, context);
  if (status == S3REC_OK) {
    status = map ? s3rec_model_map(*context, path, NULL, model)
                 : s3rec_model_load(*context, path, NULL, model);
  }
  return status;
}
