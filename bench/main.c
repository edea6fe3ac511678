/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec-bench: measures how fast the library is, and how fast the machine can be. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct {
  const char *name, *what;
  bench_function function;
} benchmarks[] = {
    /* these come first because they fork: with `all` the process is still small */
    {"memory", "largest resident sets of training and of scoring a large model", bench_memory},
    {"load", "from the file of a large model to the first answer", bench_load},
    {"matmul", "oneDNN's sgemm alone on the shapes of a training step", bench_matmul},
    {"pretrain", "pretraining steps of the default model beside their floor", bench_pretrain},
    {"finetune", "fine-tuning steps, full and sampled softmax, paper loss", bench_finetune},
    {"score", "one user at a time: latency of the 20 best items", bench_score},
    {"score-batch", "256 users at a time: users per second", bench_score_batch},
    {"growth", "steps and scoring for growing batches, lengths, catalogues, threads", bench_growth},
    {"kernels", "each kernel at this level against the baseline level", bench_kernels},
};
enum { BENCHMARKS = sizeof benchmarks / sizeof *benchmarks };

static int usage(FILE *stream, int code) {
  fprintf(stream, "usage: s3rec-bench BENCHMARK [options]\n\nbenchmarks:\n");
  for (size_t i = 0; i < BENCHMARKS; i++) {
    fprintf(stream, "  %-12s %s\n", benchmarks[i].name, benchmarks[i].what);
  }
  fprintf(stream,
          "  %-12s all of them\n\noptions:\n"
          "  --threads N    threads of training and floor; default: this machine's processors\n"
          "  --backend B    auto, fused or onednn\n"
          "  --kernels K    auto, baseline, avx2 or avx512\n"
          "  --shards N     parts of a step, a power of two; default 8\n"
          "  --batch N      sequences in a step; default 100 and 256\n"
          "  --seconds S    time for one measurement, default 5\n"
          "  --steps N      this many timed steps instead\n"
          "  --items N      items of the synthetic catalogue; default 12101, 1000000 in load and\n"
          "                 for the scoring in memory\n"
          "  --data DIR --name NAME  a real data set instead\n"
          "  --json         one JSON object per result\n",
          "all");
  return code;
}

static int find_name(const char *const *names, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(names[i], name) == 0) return (int)i;
  }
  return -1;
}

static bool parse_number(const char *text, double low, double high, double *value) {
  char *end;
  *value = strtod(text, &end);
  return end != text && *end == '\0' && *value >= low && *value <= high;
}

static bool parse_count(const char *text, double high, int32_t *value) {
  double number;
  if (!parse_number(text, 1, high, &number)) return false;
  *value = (int32_t)number;
  return true;
}

static bool parse_option(int letter, bench_settings *settings) {
  static const char *const backends[] = {"auto", "fused", "onednn"};
  static const char *const levels[] = {"auto", "baseline", "avx2", "avx512"};
  int32_t steps;
  int found;
  switch (letter) {
    case 't':
      return parse_count(optarg, 256, &settings->thread_count);
    case 'b':
      found = find_name(backends, 3, optarg);
      settings->backend = (s3rec_backend)found;
      return found >= 0;
    case 'k':
      found = find_name(levels, 4, optarg);
      settings->kernel_level = (s3rec_kernel_level)found;
      return found >= 0;
    case 'h':
      return parse_count(optarg, 256, &settings->shard_count);
    case 'c':
      return parse_count(optarg, 65536, &settings->batch_size);
    case 's':
      return parse_number(optarg, 1e-3, 1e4, &settings->seconds);
    case 'n':
      if (!parse_count(optarg, 1e9, &steps)) return false;
      settings->steps = (size_t)steps;
      return true;
    case 'i':
      return parse_count(optarg, 1e8, &settings->items);
    case 'd':
      settings->data = optarg;
      return true;
    case 'm':
      settings->name = optarg;
      return true;
    case 'j':
      settings->json = true;
      return true;
    default:
      return false;
  }
}

int main(int argc, char **argv) {
  static const struct option names[] = {
      {"threads", required_argument, NULL, 't'}, {"backend", required_argument, NULL, 'b'},
      {"kernels", required_argument, NULL, 'k'}, {"shards", required_argument, NULL, 'h'},
      {"batch", required_argument, NULL, 'c'},   {"seconds", required_argument, NULL, 's'},
      {"steps", required_argument, NULL, 'n'},   {"items", required_argument, NULL, 'i'},
      {"data", required_argument, NULL, 'd'},    {"name", required_argument, NULL, 'm'},
      {"json", no_argument, NULL, 'j'},          {"help", no_argument, NULL, '?' + 1},
      {NULL, 0, NULL, 0}};
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  bench_settings settings = {
      .thread_count = processors < 1 ? 1 : processors > 256 ? 256 : (int32_t)processors,
      .shard_count = 8,
      .seconds = 5};
  int letter, result = -1;
  while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
    if (letter == '?' + 1) return usage(stdout, 0);
    if (!parse_option(letter, &settings)) return usage(stderr, 2);
  }
  if (optind + 1 != argc || (settings.data == NULL) != (settings.name == NULL)) {
    return usage(stderr, 2);
  }
  for (size_t i = 0; i < BENCHMARKS; i++) {
    const bool all = strcmp(argv[optind], "all") == 0;
    if (!all && strcmp(argv[optind], benchmarks[i].name) != 0) continue;
    const int outcome = benchmarks[i].function(&settings);
    if (result < outcome) result = outcome;
  }
  return result < 0 ? usage(stderr, 2) : result;
}
