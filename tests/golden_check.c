/* SPDX-License-Identifier: Apache-2.0 */
/* golden_check FILE...: replays files of reference tensors through the public
 * API, on every backend and kernel level of this machine unless told otherwise,
 * prints the worst deviation of each tensor group and exits with 1 when one is
 * out of tolerance or nothing could be checked, 2 for wrong usage. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden_replay.h"

typedef struct choice {
  const char *name;
  int value;
} choice;
static const choice backends[] = {{"fused", S3REC_BACKEND_FUSED}, {"onednn", S3REC_BACKEND_ONEDNN}};
static const choice levels[] = {{"baseline", S3REC_KERNELS_BASELINE},
                                {"avx2", S3REC_KERNELS_AVX2},
                                {"avx512", S3REC_KERNELS_AVX512}};
enum {
  BACKENDS = sizeof backends / sizeof *backends,
  LEVELS = sizeof levels / sizeof *levels
};

typedef struct settings {
  const choice *backend, *level; /* NULL: all */
  int32_t thread_count, shard_count;
} settings;

static int usage(void) {
  fprintf(stderr,
          "usage: golden_check [--backend fused|onednn] [--kernels baseline|avx2|avx512]\n"
          "                    [--threads N] [--shards N] FILE...\n");
  return 2;
}

static const choice *find_choice(const choice *choices, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(choices[i].name, name) == 0) return &choices[i];
  }
  return NULL;
}

static bool parse_count(const char *text, int32_t *count) {
  char *end;
  const long value = strtol(text, &end, 10);
  *count = (int32_t)value;
  return end != text && *end == '\0' && value >= 1 && value <= 256;
}

static bool replay_file(s3rec_context *context, const char *path, int32_t shard_count) {
  golden_report report;
  s3_safetensors *file;
  if (s3_safetensors_open(context, path, &file) != S3REC_OK) {
    fprintf(stderr, "%s\n", s3rec_last_error());
    return false;
  }
  bool good = golden_replay(context, file, shard_count, &report);
  if (good) {
    good = golden_report_good(&report);
    golden_report_print(&report);
  }
  s3_safetensors_close(file);
  printf("  %s\n", good ? "passed" : "FAILED");
  return good;
}

/* Counts the files that failed; *ran says whether the combination exists here. */
static int run_combination(const settings *set, const choice *backend, const choice *level,
                           char **paths, int count, bool *ran) {
  s3rec_context_options options;
  s3rec_context *context;
  int failures = 0;
  s3rec_context_options_init(&options);
  options.thread_count = set->thread_count;
  options.backend = (s3rec_backend)backend->value;
  options.kernel_level = (s3rec_kernel_level)level->value;
  const s3rec_status status = s3rec_context_create(&options, &context);
  *ran = status == S3REC_OK;
  if (status != S3REC_OK) {
    printf("backend %s, kernels %s: %s: %s\n", backend->name, level->name,
           s3rec_status_name(status), s3rec_last_error());
    return status == S3REC_ERROR_UNSUPPORTED && set->level == NULL ? 0 : count;
  }
  for (int i = 0; i < count; i++) {
    printf("%s: backend %s, kernels %s, threads %d, shards %d\n", paths[i], backend->name,
           level->name, (int)set->thread_count, (int)set->shard_count);
    failures += !replay_file(context, paths[i], set->shard_count);
  }
  s3rec_context_destroy(context);
  return failures;
}

int main(int argc, char **argv) {
  static const struct option names[] = {{"backend", required_argument, NULL, 'b'},
                                        {"kernels", required_argument, NULL, 'k'},
                                        {"threads", required_argument, NULL, 't'},
                                        {"shards", required_argument, NULL, 's'},
                                        {NULL, 0, NULL, 0}};
  settings set = {NULL, NULL, 1, 8};
  int failures = 0, combinations = 0, letter;
  while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
    bool good = false;
    if (letter == 'b') good = (set.backend = find_choice(backends, BACKENDS, optarg)) != NULL;
    if (letter == 'k') good = (set.level = find_choice(levels, LEVELS, optarg)) != NULL;
    if (letter == 't') good = parse_count(optarg, &set.thread_count);
    if (letter == 's') good = parse_count(optarg, &set.shard_count);
    if (!good) return usage();
  }
  if (optind == argc) return usage();
  for (size_t b = 0; b < BACKENDS; b++) {
    for (size_t l = 0; l < LEVELS; l++) {
      bool ran = false;
      if (set.backend != NULL && set.backend != &backends[b]) continue;
      if (set.level != NULL && set.level != &levels[l]) continue;
      failures += run_combination(&set, &backends[b], &levels[l], argv + optind, argc - optind,
                                  &ran);
      combinations += ran;
    }
  }
  printf("%d files x %d combinations: %d failed\n", argc - optind, combinations, failures);
  return failures == 0 && combinations > 0 ? 0 : 1;
}
