/* SPDX-License-Identifier: Apache-2.0 */
/* Training states (docs/file-format.md). A state is a model file, so it also opens as a model.
 * It has further tensors: Adam's moments and, if a run wrote it, the best weights so far. It has
 * one more metadata entry, a JSON object with the options, the step, the sampler's position, the
 * fingerprint of the data, the caller's note and, if a run wrote it, the field "run"
 * (lib/run/run_entry.h). 64-bit numbers are decimal text there, because JSON readers round them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "model/model_file.h"
#include "model/model_names.h"
#include "training/trainer.h"

#define STATE_KEY "s3rec_state"
#define MOMENT1_PREFIX S3_STATE_PREFIX "exp_avg."
#define MOMENT2_PREFIX S3_STATE_PREFIX "exp_avg_sq."

enum { STATE_FORMAT = 1 }; /* states of releases before 0.3 have no format field */

static void put_u64(s3_json_writer *writer, const char *key, uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  s3_json_put_key(writer, key);
  s3_json_put_text(writer, text);
}

static void put_i32(s3_json_writer *writer, const char *key, int32_t value) {
  s3_json_put_key(writer, key);
  s3_json_put_integer(writer, value);
}

static void put_double(s3_json_writer *writer, const char *key, double value) {
  s3_json_put_key(writer, key);
  s3_json_put_real(writer, value);
}

static void put_options(s3_json_writer *writer, const s3rec_trainer_options *options) {
  s3rec_trainer_options copy = *options;
  s3_json_put_key(writer, "options");
  s3_json_open(writer, '{');
  for (size_t i = 0; i < S3_NUMBER_OPTION_COUNT; i++)
    put_double(writer, s3_number_options[i].name, *s3_number_at(&copy, i));
  put_i32(writer, "finetune_loss", (int32_t)options->finetune_loss);
  put_u64(writer, "seed", options->seed);
  put_i32(writer, "shard_count", options->shard_count);
  put_i32(writer, "negative_count", options->negative_count);
  put_u64(writer, "warmup_steps", options->warmup_steps);
  put_u64(writer, "decay_steps", options->decay_steps);
  s3_json_close(writer, '}');
}

static void put_sampler(s3_json_writer *writer, const s3rec_sampler *sampler) {
  const s3rec_sampler_options *const o = &sampler->options;
  s3_json_put_key(writer, "sampler");
  s3_json_open(writer, '{');
  put_i32(writer, "stage", (int32_t)o->stage);
  put_i32(writer, "batch_size", o->batch_size);
  put_i32(writer, "max_seq_length", o->max_seq_length);
  put_double(writer, "mask_p", o->mask_p);
  put_u64(writer, "seed", o->seed);
  put_i32(writer, "shuffle", o->shuffle);
  put_i32(writer, "reference_draws", o->reference_draws);
  put_i32(writer, "held_out_count", o->held_out_count);
  put_u64(writer, "data", sampler->dataset->info.fingerprint);
  put_u64(writer, "epoch", sampler->epoch);
  put_u64(writer, "step", sampler->step);
  s3_json_close(writer, '}');
}

/* The whole metadata entry; the caller releases it with s3_free. */
static s3rec_status state_to_text(const s3rec_trainer *trainer, const s3rec_sampler *sampler,
                                  const char *note, const s3_run_entry *run, char **text) {
  s3_json_writer writer = {.context = trainer->context};
  size_t length;
  s3_json_open(&writer, '{');
  put_i32(&writer, "format", STATE_FORMAT);
  put_u64(&writer, "step", trainer->step);
  put_options(&writer, &trainer->options);
  s3_json_put_key(&writer, "note");
  s3_json_put_text(&writer, note == NULL ? "" : note);
  if (sampler != NULL) put_sampler(&writer, sampler);
  if (run != NULL) {
    s3_json_put_key(&writer, "run");
    s3_json_put_json(&writer, run->json);
  }
  s3_json_close(&writer, '}');
  return s3_json_finish(&writer, text, &length);
}

/* Lists the tensors of the weights, of both moments and, unless `best` is NULL, of the best
 * weights. names and tensors have room for table->count entries of each. */
static s3rec_status list_state_tensors(const s3rec_trainer *trainer, const float *best,
                                       s3_tensor_name *names, s3_tensor *tensors) {
  const s3_parameter_table *table = &trainer->model->table;
  const size_t count = table->count;
  S3_TRY(s3_block_to_tensors(table, trainer->model->weights, "", names, tensors));
  S3_TRY(s3_block_to_tensors(table, trainer->moment1, MOMENT1_PREFIX, names + count,
                             tensors + count));
  S3_TRY(s3_block_to_tensors(table, trainer->moment2, MOMENT2_PREFIX, names + 2 * count,
                             tensors + 2 * count));
  if (best == NULL) return S3REC_OK;
  return s3_block_to_tensors(table, best, S3_STATE_BEST_PREFIX, names + 3 * count,
                             tensors + 3 * count);
}

static s3rec_status write_state_file(const s3rec_trainer *trainer, const float *best,
                                     const char *text, const char *path) {
  const size_t count = (best == NULL ? 3 : 4) * trainer->model->table.count;
  const s3rec_context *context = trainer->context;
  s3_tensor *tensors = s3_allocate(context, count + S3_NAMES_TENSOR_COUNT, sizeof *tensors);
  s3_tensor_name *names = s3_allocate(context, count, sizeof *names);
  s3rec_status status = S3REC_ERROR_MEMORY;
  if (tensors != NULL && names != NULL) status = list_state_tensors(trainer, best, names, tensors);
  if (status == S3REC_OK) {
    const s3_metadata entry = {STATE_KEY, text};
    status = s3_model_write_file(trainer->model, path, tensors, count, &entry);
  }
  s3_free(context, tensors);
  s3_free(context, names);
  return status;
}

s3rec_status s3_trainer_save(const s3rec_trainer *trainer, const s3rec_sampler *sampler,
                             const char *note, const s3_run_entry *run, const char *path) {
  if (note != NULL && !s3_utf8_valid(note))
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_trainer_save: note is not valid UTF-8");
  char *text;
  S3_TRY(state_to_text(trainer, sampler, note, run, &text));
  const s3rec_status status = write_state_file(trainer, run == NULL ? NULL : run->best, text, path);
  s3_free(trainer->context, text);
  return status;
}

/* Reading checks every field. The error names the file and the field that is wrong. */

/* The fields of an object, which may be missing. */
typedef struct state_reader {
  const s3rec_context *context;
  const char *path;
  s3_json_index fields;
} state_reader;

/* Another object for the reader. */
static s3rec_status enter_object(state_reader *reader, s3_json object) {
  return s3_json_index_object(reader->context, reader->path, "metadata " STATE_KEY, object,
                              &reader->fields);
}

static s3_json field_of(const state_reader *reader, const char *field) {
  return s3_json_index_find(&reader->fields, field, strlen(field));
}

static s3rec_status fail_state_field(const state_reader *reader, const char *field) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata " STATE_KEY ": field %s is missing or wrong",
                 reader->path, field);
}

static s3rec_status fail_state_options(const state_reader *reader) {
  return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata " STATE_KEY ": options out of range",
                 reader->path);
}

static s3rec_status read_u64(const state_reader *reader, const char *field, uint64_t *value) {
  const s3_json text = field_of(reader, field);
  if (text.begin == NULL || s3_json_kind_of(text) != S3_JSON_TEXT || text.length == 2)
    return fail_state_field(reader, field);
  uint64_t number = 0;
  for (const char *c = text.begin + 1; c < text.begin + text.length - 1; c++) {
    const uint64_t digit = (uint64_t)(*c - '0');
    if (*c < '0' || *c > '9' || number > (UINT64_MAX - digit) / 10)
      return fail_state_field(reader, field);
    number = number * 10 + digit;
  }
  *value = number;
  return S3REC_OK;
}

static s3rec_status read_i32(const state_reader *reader, const char *field, int32_t *value) {
  int64_t integer;
  if (!s3_json_integer(field_of(reader, field), &integer) || integer < INT32_MIN ||
      integer > INT32_MAX)
    return fail_state_field(reader, field);
  *value = (int32_t)integer;
  return S3REC_OK;
}

static s3rec_status read_double(const state_reader *reader, const char *field, double *value) {
  if (!s3_json_real(field_of(reader, field), value)) return fail_state_field(reader, field);
  return S3REC_OK;
}

/* Releases before 0.3 wrote states without a format. */
static s3rec_status check_state_format(const state_reader *reader) {
  if (field_of(reader, "format").begin == NULL)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: the state is of a release before 0.3 and cannot be read; "
                   "start the training again", reader->path);
  int32_t number = 0;
  S3_TRY(read_i32(reader, "format", &number));
  if (number == STATE_FORMAT) return S3REC_OK;
  return s3_fail(S3REC_ERROR_FORMAT,
                 "%s: the state has format %d, but this release reads format %d; "
                 "a newer release wrote it",
                 reader->path, (int)number, (int)STATE_FORMAT);
}

static s3rec_status read_trainer_options(const state_reader *reader,
                                         s3rec_trainer_options *options) {
  int32_t loss = 0;
  options->struct_size = sizeof *options;
  for (size_t i = 0; i < S3_NUMBER_OPTION_COUNT; i++)
    S3_TRY(read_double(reader, s3_number_options[i].name, s3_number_at(options, i)));
  S3_TRY(read_i32(reader, "finetune_loss", &loss));
  S3_TRY(read_u64(reader, "seed", &options->seed));
  S3_TRY(read_i32(reader, "shard_count", &options->shard_count));
  S3_TRY(read_i32(reader, "negative_count", &options->negative_count));
  S3_TRY(read_u64(reader, "warmup_steps", &options->warmup_steps));
  S3_TRY(read_u64(reader, "decay_steps", &options->decay_steps));
  options->finetune_loss = (s3rec_finetune_loss)loss;
  return s3_trainer_options_check(options) == S3REC_OK ? S3REC_OK : fail_state_options(reader);
}

static s3rec_status read_sampler_state(const state_reader *reader, s3_trainer_state *state) {
  s3rec_sampler_options *const o = &state->sampler;
  int32_t stage = 0;
  o->struct_size = sizeof *o;
  S3_TRY(read_i32(reader, "stage", &stage));
  o->stage = (s3rec_stage)stage;
  S3_TRY(read_i32(reader, "batch_size", &o->batch_size));
  S3_TRY(read_i32(reader, "max_seq_length", &o->max_seq_length));
  S3_TRY(read_double(reader, "mask_p", &o->mask_p));
  S3_TRY(read_u64(reader, "seed", &o->seed));
  S3_TRY(read_i32(reader, "shuffle", &o->shuffle));
  S3_TRY(read_i32(reader, "reference_draws", &o->reference_draws));
  S3_TRY(read_i32(reader, "held_out_count", &o->held_out_count));
  S3_TRY(read_u64(reader, "data", &state->fingerprint));
  S3_TRY(read_u64(reader, "epoch", &state->sampler_epoch));
  S3_TRY(read_u64(reader, "step", &state->sampler_step));
  return s3_sampler_options_check(o) == S3REC_OK ? S3REC_OK : fail_state_options(reader);
}

static s3rec_status copy_state_note(const state_reader *reader, char **copy) {
  const s3_json note = field_of(reader, "note");
  if (note.begin == NULL || s3_json_kind_of(note) != S3_JSON_TEXT)
    return fail_state_field(reader, "note");
  *copy = s3_allocate_unset(reader->context, note.length, 1);
  if (*copy == NULL) return S3REC_ERROR_MEMORY;
  s3_json_text_copy(note, *copy);
  return S3REC_OK;
}

static s3rec_status read_state_fields(state_reader *reader, s3_json root,
                                      s3_trainer_state *state) {
  S3_TRY(enter_object(reader, root));
  S3_TRY(check_state_format(reader));
  const s3_json options = field_of(reader, "options"), sampler = field_of(reader, "sampler");
  S3_TRY(read_u64(reader, "step", &state->step));
  S3_TRY(copy_state_note(reader, &state->note));
  state->run = field_of(reader, "run");
  state->has_sampler = sampler.begin != NULL;
  S3_TRY(enter_object(reader, options));
  S3_TRY(read_trainer_options(reader, &state->options));
  if (!state->has_sampler) return S3REC_OK;
  S3_TRY(enter_object(reader, sampler));
  return read_sampler_state(reader, state);
}

static s3rec_status fail_other_sampler(const char *path, const char *field) {
  return s3_fail(S3REC_ERROR_MISMATCH,
                 "%s: the state was saved with another %s of the sampler", path, field);
}

/* Compares the saved sampler with the caller's. */
static s3rec_status compare_sampler(const char *path, const s3_trainer_state *state,
                                    const s3rec_sampler *sampler) {
  const s3rec_sampler_options *const own = &sampler->options, *const saved = &state->sampler;
  const struct {
    const char *name;
    int32_t own, saved;
  } integers[] = {{"stage", (int32_t)own->stage, (int32_t)saved->stage},
                  {"batch_size", own->batch_size, saved->batch_size},
                  {"max_seq_length", own->max_seq_length, saved->max_seq_length},
                  {"shuffle", own->shuffle, saved->shuffle},
                  {"reference_draws", own->reference_draws, saved->reference_draws},
                  {"held_out_count", own->held_out_count, saved->held_out_count}};
  if (!state->has_sampler)
    return s3_fail(S3REC_ERROR_MISMATCH, "%s: the state was saved without a sampler", path);
  for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
    if (integers[i].own != integers[i].saved) return fail_other_sampler(path, integers[i].name);
  if (saved->mask_p != own->mask_p) return fail_other_sampler(path, "mask_p");
  if (saved->seed != own->seed) return fail_other_sampler(path, "seed");
  if (state->fingerprint != sampler->dataset->info.fingerprint)
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "%s: the state was saved with another dataset (other fingerprint)", path);
  const state_reader reader = {.path = path};
  return state->sampler_step < sampler->step_count ? S3REC_OK : fail_state_field(&reader, "step");
}

static s3rec_status compare_config(const s3_safetensors *file, const s3rec_model *model) {
  s3rec_model_config config;
  S3_TRY(s3_config_from_file(file, NULL, &config));
  const s3rec_model_config *own = &model->config;
  const struct {
    const char *name;
    int32_t saved, own;
  } fields[] = {{"item_size", config.item_size, own->item_size},
                {"attribute_size", config.attribute_size, own->attribute_size},
                {"max_seq_length", config.max_seq_length, own->max_seq_length},
                {"hidden_size", config.hidden_size, own->hidden_size},
                {"num_hidden_layers", config.num_hidden_layers, own->num_hidden_layers},
                {"num_attention_heads", config.num_attention_heads, own->num_attention_heads},
                {"hidden_act", (int32_t)config.hidden_act, (int32_t)own->hidden_act}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (fields[i].saved != fields[i].own)
      return s3_fail(S3REC_ERROR_MISMATCH, "%s: %s is %d, the trainer's model has %d",
                     s3_safetensors_path(file), fields[i].name, (int)fields[i].saved,
                     (int)fields[i].own);
  if (config.hidden_dropout_prob != own->hidden_dropout_prob)
    return s3_fail(S3REC_ERROR_MISMATCH, "%s: hidden_dropout_prob differs from that of the model",
                   s3_safetensors_path(file));
  if (config.attention_probs_dropout_prob != own->attention_probs_dropout_prob)
    return s3_fail(S3REC_ERROR_MISMATCH,
                   "%s: attention_probs_dropout_prob differs from that of the model",
                   s3_safetensors_path(file));
  return S3REC_OK;
}

s3rec_status s3_trainer_state_read(const s3rec_context *context, const s3_safetensors *file,
                                   s3_trainer_state *state) {
  state_reader reader = {.context = context, .path = s3_safetensors_path(file)};
  const char *const text = s3_safetensors_metadata(file, STATE_KEY);
  if (text == NULL)
    return s3_fail(S3REC_ERROR_FORMAT,
                   "%s: not a training state: metadata " STATE_KEY " is missing", reader.path);
  s3_json root;
  S3_TRY(s3_json_check(reader.path, "metadata " STATE_KEY ": ", text, strlen(text),
                       (size_t)context->limits.json_depth, &root));
  const s3rec_status status = read_state_fields(&reader, root, state);
  s3_json_index_free(context, &reader.fields);
  return status;
}

s3rec_status s3_trainer_state_fill(const s3_safetensors *file, const s3rec_trainer *trainer,
                                   const s3rec_sampler *sampler, s3_trainer_state *state) {
  const s3_parameter_table *table = &trainer->model->table;
  S3_TRY(compare_config(file, trainer->model));
  if (sampler != NULL) S3_TRY(compare_sampler(s3_safetensors_path(file), state, sampler));
  state->weights = s3_allocate(trainer->context, table->float_count, sizeof(float));
  state->moment1 = s3_allocate(trainer->context, table->float_count, sizeof(float));
  state->moment2 = s3_allocate(trainer->context, table->float_count, sizeof(float));
  if (state->weights == NULL || state->moment1 == NULL || state->moment2 == NULL)
    return S3REC_ERROR_MEMORY;
  S3_TRY(s3_block_from_file(file, table, "", state->weights));
  S3_TRY(s3_block_from_file(file, table, MOMENT1_PREFIX, state->moment1));
  return s3_block_from_file(file, table, MOMENT2_PREFIX, state->moment2);
}

void s3_trainer_state_free(const s3rec_context *context, s3_trainer_state *state) {
  s3_free(context, state->weights);
  s3_free(context, state->moment1);
  s3_free(context, state->moment2);
  s3_free(context, state->note);
}

s3rec_status s3_trainer_state_install(s3_trainer_state *state, s3rec_trainer *trainer,
                                      s3rec_sampler *sampler) {
  S3_TRY(s3_trainer_resize(trainer, &state->options));
  if (sampler != NULL)
    S3_TRY(s3_sampler_seek(sampler, state->sampler_epoch, (size_t)state->sampler_step));
  const size_t bytes = trainer->model->table.float_count * sizeof(float);
  memcpy(trainer->model->weights, state->weights, bytes);
  memcpy(trainer->moment1, state->moment1, bytes);
  memcpy(trainer->moment2, state->moment2, bytes);
  trainer->options = state->options;
  trainer->step = state->step;
  trainer->gradients_valid = false;
  char *old_note = trainer->note;
  trainer->note = state->note;
  state->note = old_note;
  return S3REC_OK;
}

s3rec_status s3_trainer_load(s3rec_trainer *trainer, s3rec_sampler *sampler, const char *path) {
  const s3rec_context *context = trainer->context;
  s3_safetensors *file;
  S3_TRY(s3_safetensors_open(context, path, &file));
  s3_trainer_state state = {0};
  s3rec_status status = s3_trainer_state_read(context, file, &state);
  if (status == S3REC_OK) status = s3_trainer_state_fill(file, trainer, sampler, &state);
  if (status == S3REC_OK) status = s3_trainer_state_install(&state, trainer, sampler);
  s3_trainer_state_free(context, &state);
  s3_safetensors_close(file);
  return status;
}
