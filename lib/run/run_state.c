/* SPDX-License-Identifier: Apache-2.0 */
/* A run in a file: the trainer's and sampler's state, the best weights so far, and as the
 * state's note a JSON object with the options that shape the result, what the run began with
 * and where it is (docs/file-format.md). */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "model/weights_hash.h"
#include "run/run.h"

enum { HASH_SIZE = 17, INTEGERS = 5, SUMS = 6, COUNTS = 2, METRICS = 8 };

typedef struct integer_option {
  const char *name;
  int32_t value;
} integer_option;

/* Options that the trainer's and sampler's own states do not have. */
static void list_options(const s3rec_run *run, integer_option options[INTEGERS]) {
  const s3rec_run_options *const o = &run->settings.options;
  const integer_option list[INTEGERS] = {{"stage", (int32_t)o->stage},
                                         {"epochs", o->epochs},
                                         {"patience", o->patience},
                                         {"held_out_count", o->held_out_count},
                                         {"protocol", (int32_t)o->protocol}};
  memcpy(options, list, sizeof list);
}

static const char *const sum_names[SUMS] = {"total", "aap", "mip", "map", "sp", "next_item"};

static void list_sums(s3_run_sums *sums, double *list[SUMS]) {
  double *const all[SUMS] = {&sums->total, &sums->aap, &sums->mip,
                             &sums->map,   &sums->sp,  &sums->next_item};
  memcpy(list, all, sizeof all);
}

static void list_metrics(s3rec_metrics *metrics, double *list[METRICS]) {
  double *const all[METRICS] = {&metrics->hit_rate[0], &metrics->hit_rate[1],
                                &metrics->hit_rate[2], &metrics->hit_rate[3],
                                &metrics->ndcg[0],     &metrics->ndcg[1],
                                &metrics->ndcg[2],     &metrics->mrr};
  memcpy(list, all, sizeof all);
}

static void hash_text(uint64_t hash, char text[HASH_SIZE]) {
  snprintf(text, HASH_SIZE, "%016" PRIx64, hash);
}

/* The sampled protocol's negatives, which the fingerprint of the data does not cover. */
static uint64_t negatives_hash(const s3rec_run *run) {
  const s3_ragged *const negatives = &run->dataset->negatives;
  if (run->settings.options.protocol != S3REC_PROTOCOL_SAMPLED || negatives->row_count == 0)
    return 0;
  return s3_numbers_hash(negatives->values, (size_t)negatives->offsets[negatives->row_count]);
}

static json_t *options_to_json(const s3rec_run *run) {
  integer_option options[INTEGERS];
  json_t *object = json_object();
  int failed = object == NULL;
  list_options(run, options);
  for (size_t i = 0; i < INTEGERS && !failed; i++)
    failed = json_object_set_new(object, options[i].name, json_integer(options[i].value));
  if (!failed) return object;
  json_decref(object);
  return NULL;
}

static json_t *sums_to_json(s3_run_sums sums) {
  double *list[SUMS];
  list_sums(&sums, list);
  json_t *object = json_pack("{s:I, s:I}", "sequences", (json_int_t)sums.sequences, "targets",
                             (json_int_t)sums.targets);
  int failed = object == NULL;
  for (size_t i = 0; i < SUMS && !failed; i++)
    failed = json_object_set_new(object, sum_names[i], json_real(*list[i]));
  if (!failed) return object;
  json_decref(object);
  return NULL;
}

static json_t *valid_to_json(s3rec_metrics metrics) {
  double *list[METRICS];
  list_metrics(&metrics, list);
  json_t *values = json_array();
  int failed = values == NULL;
  for (size_t i = 0; i < METRICS && !failed; i++)
    failed = json_array_append_new(values, json_real(*list[i]));
  if (failed) {
    json_decref(values);
    return NULL;
  }
  return json_pack("{s:I, s:I, s:o}", "user_count", (json_int_t)metrics.user_count,
                   "skipped_count", (json_int_t)metrics.skipped_count, "values", values);
}

/* NULL without memory. */
static json_t *run_to_json(const s3rec_run *run) {
  const s3_run_position *const at = &run->at;
  char first[HASH_SIZE], negatives[HASH_SIZE];
  hash_text(run->first_weights, first);
  hash_text(negatives_hash(run), negatives);
  json_t *object =
      json_pack("{s:s, s:s, s:b, s:b, s:i, s:I, s:i, s:i, s:f, s:f}", "first_weights", first,
                "negatives", negatives, "refit", (int)at->refit, "ended", (int)at->ended, "epoch",
                (int)at->epoch, "step", (json_int_t)at->step, "best_epoch", (int)at->best_epoch,
                "waited", (int)at->waited, "best_value", at->best_value, "value", at->value);
  if (object != NULL && !json_object_set_new(object, "options", options_to_json(run)) &&
      !json_object_set_new(object, "sums", sums_to_json(at->sums)) &&
      !json_object_set_new(object, "valid", valid_to_json(at->valid)))
    return object;
  json_decref(object);
  return NULL;
}

/* As in trainer_state.c, in memory of our own: a host may have given jansson another. */
static char *note_of(const s3rec_run *run) {
  const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17);
  json_t *const object = run_to_json(run);
  json_t *const note = object == NULL ? NULL : json_pack("{s:o}", "run", object);
  const size_t length = note == NULL ? 0 : json_dumpb(note, NULL, 0, flags);
  char *text = length == 0 ? NULL : s3_allocate(run->context, length + 1, 1);
  if (text != NULL && json_dumpb(note, text, length, flags) != length) {
    s3_free(run->context, text);
    text = NULL;
  }
  json_decref(note);
  return text;
}

s3rec_status s3_run_save(const s3rec_run *run, const char *path) {
  char *const note = note_of(run);
  if (note == NULL) return s3_fail(S3REC_ERROR_MEMORY, "%s: no memory for the run's state", path);
  const float *const best = run->at.best_epoch > 0 ? run->best : NULL;
  const s3rec_status status = s3_trainer_save(run->trainer, run->sampler, note, best, path);
  s3_free(run->context, note);
  return status;
}

/* Reading. Everything is read aside and checked before the run is touched. */
typedef struct loaded_run {
  const char *path;
  s3_run_position at;
  s3rec_sampler *sampler; /* the refit's; NULL before it */
  s3_trainer_state state;
  float *best;
} loaded_run;

static s3rec_status no_run(const char *path, const char *reason) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: no state of a run: %s", path, reason);
}

static s3rec_status other(const char *path, const char *what) {
  return s3_fail(S3REC_ERROR_MISMATCH, "%s: the run was saved with another %s than this one's",
                 path, what);
}

static s3rec_status check_options(const s3rec_run *run, const char *path, json_t *object) {
  integer_option options[INTEGERS];
  list_options(run, options);
  for (size_t i = 0; i < INTEGERS; i++) {
    const json_t *const value = json_object_get(object, options[i].name);
    if (!json_is_integer(value)) return no_run(path, "an option is missing from its note");
    if (json_integer_value(value) != options[i].value)
      return s3_fail(S3REC_ERROR_MISMATCH, "%s: the run was saved with %s %lld, this one has %d",
                     path, options[i].name, (long long)json_integer_value(value),
                     (int)options[i].value);
  }
  return S3REC_OK;
}

static s3rec_status check_hash(const char *path, const char *saved, uint64_t own,
                               const char *what) {
  char text[HASH_SIZE];
  hash_text(own, text);
  return strcmp(saved, text) == 0 ? S3REC_OK : other(path, what);
}

static s3rec_status read_sums(const char *path, json_t *object, s3_run_sums *sums) {
  double *list[SUMS];
  json_int_t sequences, targets;
  list_sums(sums, list);
  if (json_unpack(object, "{s:I, s:I}", "sequences", &sequences, "targets", &targets) != 0 ||
      sequences < 0 || targets < 0)
    return no_run(path, "sums in its note are missing or wrong");
  sums->sequences = (uint64_t)sequences;
  sums->targets = (uint64_t)targets;
  for (size_t i = 0; i < SUMS; i++) {
    const json_t *const value = json_object_get(object, sum_names[i]);
    if (!json_is_number(value)) return no_run(path, "sums in its note are missing or wrong");
    *list[i] = json_number_value(value);
  }
  return S3REC_OK;
}

static s3rec_status read_valid(const char *path, json_t *object, s3rec_metrics *metrics) {
  double *list[METRICS];
  json_int_t users, skipped;
  json_t *values;
  list_metrics(metrics, list);
  if (json_unpack(object, "{s:I, s:I, s:o}", "user_count", &users, "skipped_count", &skipped,
                  "values", &values) != 0 ||
      users < 0 || skipped < 0 || json_array_size(values) != METRICS)
    return no_run(path, "metrics in its note are missing or wrong");
  metrics->user_count = (size_t)users;
  metrics->skipped_count = (size_t)skipped;
  for (size_t i = 0; i < METRICS; i++) *list[i] = json_number_value(json_array_get(values, i));
  return S3REC_OK;
}

static s3rec_status read_position(const s3rec_run *run, json_t *object, loaded_run *loaded) {
  s3_run_position *const at = &loaded->at;
  const s3rec_run_options *const o = &run->settings.options;
  const char *first, *negatives;
  int refit, ended;
  json_int_t step;
  json_t *options, *sums, *valid;
  json_error_t error;
  if (json_unpack_ex(object, &error, 0,
                     "{s:{s:s, s:s, s:b, s:b, s:i, s:I, s:i, s:i, s:F, s:F, s:o, s:o, s:o}}", "run",
                     "first_weights", &first, "negatives", &negatives, "refit", &refit, "ended",
                     &ended, "epoch", &at->epoch, "step", &step, "best_epoch", &at->best_epoch,
                     "waited", &at->waited, "best_value", &at->best_value, "value", &at->value,
                     "options", &options, "sums", &sums, "valid", &valid) != 0)
    return no_run(loaded->path, error.text);
  S3_TRY(check_options(run, loaded->path, options));
  S3_TRY(check_hash(loaded->path, first, run->first_weights, "model's weights"));
  S3_TRY(check_hash(loaded->path, negatives, negatives_hash(run), "dataset's negatives"));
  S3_TRY(read_sums(loaded->path, sums, &at->sums));
  S3_TRY(read_valid(loaded->path, valid, &at->valid));
  at->valid.struct_size = sizeof at->valid;
  at->valid.split = S3REC_SPLIT_VALID;
  at->valid.protocol = o->protocol;
  at->valid.seen = S3REC_SEEN_EXCLUDE;
  at->refit = refit != 0;
  at->ended = ended != 0;
  at->step = step < 0 ? SIZE_MAX : (size_t)step;
  const int32_t epochs = at->refit ? at->best_epoch : o->epochs;
  if (at->epoch < 1 || at->epoch > epochs || at->best_epoch < 0 || at->best_epoch > o->epochs ||
      at->waited < 0 || at->waited >= o->epochs || (at->refit && !s3_run_refits(&run->settings)) ||
      (at->best_epoch > 0 && !s3_run_finetunes(run)))
    return no_run(loaded->path, "its note contradicts itself");
  return S3REC_OK;
}

/* Position and options of the note. */
static s3rec_status read_note(const s3rec_run *run, const s3_safetensors *file,
                              loaded_run *loaded) {
  char *text = NULL;
  json_error_t error;
  S3_TRY(s3_trainer_state_note(run->context, file, &text));
  json_t *const object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  const s3rec_status status = object == NULL ? no_run(loaded->path, "its note is no run's")
                                             : read_position(run, object, loaded);
  json_decref(object);
  s3_free(run->context, text);
  return status;
}

/* The position is in the file three times; they must agree. */
static s3rec_status check_steps(const loaded_run *loaded, const s3rec_sampler *sampler) {
  const s3_run_position *const at = &loaded->at;
  const uint64_t steps = sampler->step_count;
  const uint64_t done = ((uint64_t)at->epoch - 1) * steps + at->step;
  if (at->step > steps || (at->ended && at->step < steps) ||
      loaded->state.sampler_epoch * steps + loaded->state.sampler_step != done ||
      loaded->state.step != done)
    return no_run(loaded->path, "its note and its steps contradict each other");
  return S3REC_OK;
}

static s3rec_status read_run(const s3rec_run *run, const s3_safetensors *file,
                             loaded_run *loaded) {
  const s3_parameter_table *const table = &run->trained->table;
  S3_TRY(read_note(run, file, loaded));
  if (loaded->at.refit) {
    const s3rec_sampler_options sampling = s3_run_sampling(&run->settings, true);
    S3_TRY(s3_sampler_create(run->dataset, &sampling, &loaded->sampler));
  }
  const s3rec_sampler *const sampler = loaded->at.refit ? loaded->sampler : run->sampler;
  loaded->state.options = run->trainer->options;
  S3_TRY(s3_trainer_state_read(file, run->trainer, sampler, &loaded->state));
  const s3rec_trainer_options training = s3_run_training(&run->settings, sampler->step_count);
  const char *const field = s3_trainer_options_difference(&training, &loaded->state.options);
  if (field != NULL) return other(loaded->path, field);
  S3_TRY(check_steps(loaded, sampler));
  if (run->best == NULL || loaded->at.best_epoch == 0) return S3REC_OK;
  S3_TRY(s3_block_check(file, table, S3_STATE_BEST_PREFIX));
  loaded->best = s3_allocate(run->context, table->float_count, sizeof *loaded->best);
  if (loaded->best == NULL) return S3REC_ERROR_MEMORY;
  return s3_block_from_file(file, table, S3_STATE_BEST_PREFIX, loaded->best);
}

/* What the run had goes to `loaded`, to be freed with it. */
static s3rec_status install(s3rec_run *run, loaded_run *loaded) {
  s3rec_sampler *const sampler = loaded->sampler != NULL ? loaded->sampler : run->sampler;
  S3_TRY(s3_trainer_state_install(&loaded->state, run->trainer, sampler));
  if (loaded->sampler != NULL) {
    loaded->sampler = run->sampler;
    run->sampler = sampler;
  }
  if (loaded->best != NULL) {
    float *const best = run->best;
    run->best = loaded->best;
    loaded->best = best;
  }
  run->at = loaded->at;
  return S3REC_OK;
}

s3rec_status s3_run_load(s3rec_run *run, const char *path) {
  if (run->trainer->step > 0 || run->at.refit)
    return s3_fail(S3REC_ERROR_STATE, "the run has begun: load into a new one");
  s3_safetensors *file;
  loaded_run loaded = {.path = path};
  S3_TRY(s3_safetensors_open(run->context, path, &file));
  s3rec_status status = read_run(run, file, &loaded);
  if (status == S3REC_OK) status = install(run, &loaded);
  s3_safetensors_close(file);
  if (loaded.sampler != NULL) s3_sampler_destroy(loaded.sampler);
  s3_trainer_state_free(run->context, &loaded.state);
  s3_free(run->context, loaded.best);
  return status;
}
