/* SPDX-License-Identifier: Apache-2.0 */
/* usage: NAME_replay [--mutations N] FILE|FOLDER...
 *
 * Runs a target once on each file, without a fuzzer: a finding ends the program. With mutations,
 * also on N inputs that are made out of each file, always the same ones. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support.h"

enum { LARGEST = 1 << 20, MORE = 4096 };

/* NULL for a target that has none of its own. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned int seed)
    __attribute__((weak));

static uint64_t random_state = 1;

static size_t random_below(size_t count) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (size_t)(random_state >> 33) % count;
}

/* One byte changed, put in or taken out, or a piece doubled. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity) {
  static const uint8_t telling[] = {0, 1, '"', '{', '[', ',', '\n', '9', '-', 0x7f, 0x80, 0xff};
  const uint8_t byte = random_below(2) == 0 ? telling[random_below(sizeof telling)]
                                            : (uint8_t)random_below(256);
  if (size == 0) {
    if (capacity > 0) data[0] = byte;
    return capacity > 0;
  }
  const size_t at = random_below(size), length = 1 + random_below(size - at);
  switch (random_below(4)) {
    case 0:
      data[at] = byte;
      return size;
    case 1:
      memmove(data + at, data + at + length, size - at - length);
      return size - length;
    case 2:
      if (size == capacity) return size;
      memmove(data + at + 1, data + at, size - at);
      data[at] = byte;
      return size + 1;
    default:
      if (length > capacity - size) return size;
      memmove(data + at + length, data + at, size - at);
      return size + length;
  }
}

static void run_mutations(const uint8_t *data, size_t size, size_t count) {
  const size_t capacity = size + MORE;
  uint8_t *const input = malloc(capacity);
  fuzz_claim(input != NULL, "no memory");
  random_state = fuzz_hash(data, size);
  for (size_t i = 0; i < count; i++) {
    size_t length = size;
    if (size > 0) memcpy(input, data, size);
    for (size_t times = 1 + random_below(3); times > 0; times--)
      length = LLVMFuzzerCustomMutator == NULL
                   ? LLVMFuzzerMutate(input, length, capacity)
                   : LLVMFuzzerCustomMutator(input, length, capacity,
                                             (unsigned int)random_below(1u << 30));
    LLVMFuzzerTestOneInput(input, length);
  }
  free(input);
}

static size_t run_file(const char *path, size_t mutations) {
  size_t size;
  /* Written before it is run, so that the last line of a failure names the file. */
  printf("%s\n", path);
  fflush(stdout);
  uint8_t *const data = fuzz_read(path, &size);
  fuzz_claim(size <= LARGEST, "%s: %zu bytes are too many for a corpus", path, size);
  /* A block of its own size, so that a read past its end is noticed. */
  uint8_t *const input = malloc(size == 0 ? 1 : size);
  fuzz_claim(input != NULL, "no memory");
  memcpy(input, data, size);
  free(data);
  LLVMFuzzerTestOneInput(input, size);
  run_mutations(input, size, mutations);
  free(input);
  return 1;
}

static size_t run_path(const char *path, size_t mutations) {
  struct dirent **entries;
  struct stat info;
  size_t run = 0;
  if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) return run_file(path, mutations);
  const int count = scandir(path, &entries, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    char file[4096];
    snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
    if (entries[i]->d_name[0] != '.') run += run_file(file, mutations);
    free(entries[i]);
  }
  if (count >= 0) free(entries);
  return run;
}

int main(int argc, char **argv) {
  int first = 1;
  size_t mutations = 0, run = 0;
  if (argc > 2 && strcmp(argv[1], "--mutations") == 0) {
    mutations = strtoul(argv[2], NULL, 10);
    first = 3;
  }
  if (first >= argc) {
    fprintf(stderr, "usage: %s [--mutations N] FILE|FOLDER...\n", argv[0]);
    return 2;
  }
  for (int i = first; i < argc; i++) run += run_path(argv[i], mutations);
  printf("Checks: %zu passed, 0 failed, 0 skipped\n", run);
  return run == 0;
}
