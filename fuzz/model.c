/* SPDX-License-Identifier: Apache-2.0 */
/* The input is a model file. It is loaded, also out of a pipe, and mapped. What opens is
 * scored, saved and opened again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

typedef s3rec_status (*open_function)(s3rec_context *context, const char *path,
                                      const s3rec_model_config *fallback, s3rec_model **model);

/* NULL when the file is refused, with nothing left of it. */
static s3rec_model *open_model(open_function open, s3rec_context *context, const char *path,
                               const s3rec_model_config *fallback, s3rec_status *status) {
  s3rec_model *const untouched = (s3rec_model *)(void *)&status;
  s3rec_model *model = untouched;
  const size_t held = fuzz_held();
  *status = open(context, path, fallback, &model);
  if (fuzz_succeeds(*status)) return model;
  fuzz_claim(model == untouched, "a failure changed the model");
  fuzz_claim(fuzz_held() == held, "a failure left %zu bytes", fuzz_held() - held);
  return NULL;
}

static void see_entry(const char *key, const char *value, void *user_data) {
  *(size_t *)user_data += 1 + strlen(key) + strlen(value);
}

static void find_all_names(s3rec_vocabulary *names, bool sorted) {
  const int32_t first = s3rec_vocabulary_first_id(names);
  for (size_t i = 0; i < s3rec_vocabulary_count(names); i++) {
    const char *name;
    size_t length;
    int32_t id = -1;
    fuzz_ok(s3rec_vocabulary_name(names, first + (int32_t)i, &name, &length));
    fuzz_claim(strlen(name) == length, "a name has a NUL in it");
    const bool found = fuzz_succeeds(s3rec_vocabulary_find(names, name, length, &id));
    if (sorted) fuzz_claim(found && id == first + (int32_t)i, "'%s' has the id %d", name, (int)id);
  }
  s3rec_vocabulary_destroy(names);
}

/* `sorted`: a load has checked that the names are. */
static void read_names(const s3rec_model *model, bool sorted) {
  s3rec_vocabulary *names;
  fuzz_ok(s3rec_model_item_names(model, &names));
  if (names != NULL) find_all_names(names, sorted);
  fuzz_ok(s3rec_model_attribute_names(model, &names));
  if (names != NULL) find_all_names(names, sorted);
}

static void read_popularity(const s3rec_model *model) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  fuzz_ok(s3rec_model_config_get(model, &config));
  int32_t *const counts = malloc((size_t)config.item_size * sizeof *counts);
  fuzz_claim(counts != NULL, "no memory");
  if (fuzz_succeeds(s3rec_model_popularity(model, counts, (size_t)config.item_size))) {
    for (int32_t item = 0; item < config.item_size; item++)
      fuzz_claim(counts[item] >= 0, "item %d has %d events", (int)item, (int)counts[item]);
  }
  free(counts);
}

static void compare_scores(s3rec_model *model, s3rec_model *other, uint64_t choice) {
  int32_t ids[FIXTURE_BEST], other_ids[FIXTURE_BEST];
  float scores[FIXTURE_BEST], other_scores[FIXTURE_BEST];
  size_t count, other_count;
  fixture_score(model, choice, ids, scores, &count);
  fixture_score(other, choice, other_ids, other_scores, &other_count);
  fuzz_claim(count == other_count && memcmp(ids, other_ids, count * sizeof *ids) == 0 &&
                 memcmp(scores, other_scores, count * sizeof *scores) == 0,
             "two models of one file give other answers");
}

/* What was loaded is saved, loaded, and saved again: two equal files. */
static void save_and_load(s3rec_context *context, const s3rec_model *model, uint64_t choice) {
  const char *const saved = fuzz_path("saved"), *const again = fuzz_path("again");
  s3rec_model *second;
  fuzz_ok(s3rec_model_save(model, saved));
  fuzz_ok(s3rec_model_load(context, saved, NULL, &second));
  fuzz_claim(s3rec_model_fingerprint(second) == s3rec_model_fingerprint(model), "other weights");
  fuzz_ok(s3rec_model_save(second, again));
  fuzz_claim(fuzz_same_files(saved, again), "a saved file, loaded and saved, is another file");
  s3rec_model *mapped;
  fuzz_ok(s3rec_model_map(context, saved, NULL, &mapped));
  read_names(mapped, true);
  compare_scores(second, mapped, choice);
  s3rec_model_destroy(second);
  s3rec_model_destroy(mapped);
}

/* The same bytes out of a pipe, which has no size and cannot be mapped or read twice. */
static void load_from_pipe(s3rec_context *context, const uint8_t *data, size_t size,
                           const s3rec_model_config *fallback, s3rec_status expected,
                           const s3rec_model *loaded) {
  enum { PIPE_SIZE = 1 << 15 };
  int ends[2];
  char path[64];
  s3rec_status status;
  if (size > PIPE_SIZE) return;
  fuzz_claim(pipe(ends) == 0 && write(ends[1], data, size) == (ssize_t)size, "no pipe");
  close(ends[1]);
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  s3rec_model *const model = open_model(s3rec_model_load, context, path, fallback, &status);
  close(ends[0]);
  /* What claims too much of a file of unknown size may exceed a limit first. */
  fuzz_claim((status == S3REC_OK) == (expected == S3REC_OK), "a pipe: %s: %s; a file: %s",
             s3rec_status_name(status), s3rec_last_error(), s3rec_status_name(expected));
  fuzz_claim(s3rec_model_fingerprint(model) == s3rec_model_fingerprint(loaded),
             "other weights out of a pipe");
  s3rec_model_destroy(model);
}

static void compare_ways(s3rec_context *context, const s3rec_model_config *fallback,
                         uint64_t choice, const uint8_t *data, size_t size) {
  const char *const path = fuzz_path("model");
  s3rec_status load_status, map_status;
  const size_t held = fuzz_held();
  fuzz_peak_reset();
  s3rec_model *const loaded =
      open_model(s3rec_model_load, context, path, fallback, &load_status);
  /* One byte of a header is a pair of brackets at the most, one of the data a fourth of a float. */
  fuzz_claim_bounded(held, 1 << 14, 24, size);
  char reason[512];
  snprintf(reason, sizeof reason, "%s", s3rec_last_error());
  s3rec_model *const mapped = open_model(s3rec_model_map, context, path, fallback, &map_status);
  /* That names are sorted is left to the load. */
  const bool unsorted = load_status == S3REC_ERROR_FORMAT && mapped != NULL &&
                        strstr(reason, "names.") != NULL;
  fuzz_claim(unsorted || load_status == map_status, "load: %s: %s; map: %s: %s",
             s3rec_status_name(load_status), reason, s3rec_status_name(map_status),
             s3rec_last_error());
  load_from_pipe(context, data, size, fallback, load_status, loaded);
  if (mapped != NULL) read_names(mapped, loaded != NULL);
  if (loaded != NULL) {
    read_names(loaded, true);
    read_popularity(loaded);
    fuzz_claim(s3rec_model_fingerprint(loaded) == s3rec_model_fingerprint(mapped),
               "other weights");
    compare_scores(loaded, mapped, choice);
    save_and_load(context, loaded, choice);
  }
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(mapped);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static s3rec_context *contexts[2];
  if (contexts[0] == NULL) {
    contexts[0] = fuzz_context(1, false);
    contexts[1] = fuzz_context(1, true);
  }
  const uint64_t choice = fuzz_hash(data, size);
  s3rec_context *const context = contexts[choice & 1];
  s3rec_model_config fallback;
  s3rec_model_config_init(&fallback);
  fallback.num_attention_heads = (int32_t)(choice >> 1 & 3);
  const char *const path = fuzz_write("model", data, size);
  size_t seen = 0;
  fuzz_succeeds(s3rec_model_file_metadata(context, path, see_entry, &seen));
  fuzz_claim(seen <= size, "metadata of %zu bytes in a file of %zu", seen, size);
  compare_ways(context, (choice & 8) != 0 ? &fallback : NULL, choice, data, size);
  return 0;
}
