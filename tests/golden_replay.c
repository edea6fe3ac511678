/* SPDX-License-Identifier: Apache-2.0 */
#include "golden_replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one replay works on. */
typedef struct replay {
  s3rec_context *context;
  const s3_safetensors *file;
  int32_t shard_count;
  golden_report *report;
} replay;

typedef struct objective {
  const char *name; /* as in "loss.NAME", "grad.NAME" */
  s3rec_stage stage;
  double weights[4];          /* aap, mip, map, sp when it is one of them alone */
  s3rec_finetune_loss loss;   /* fine-tuning */
  bool joint;                 /* weights from the metadata */
  bool stepped;               /* adam3 minimises this one */
} objective;

static const objective objectives[] = {
    {"aap", S3REC_STAGE_PRETRAIN, {1, 0, 0, 0}, S3REC_LOSS_CE, false, false},
    {"mip", S3REC_STAGE_PRETRAIN, {0, 1, 0, 0}, S3REC_LOSS_CE, false, false},
    {"map", S3REC_STAGE_PRETRAIN, {0, 0, 1, 0}, S3REC_LOSS_CE, false, false},
    {"sp", S3REC_STAGE_PRETRAIN, {0, 0, 0, 1}, S3REC_LOSS_CE, false, false},
    {"joint", S3REC_STAGE_PRETRAIN, {0, 0, 0, 0}, S3REC_LOSS_CE, true, true},
    {"finetune", S3REC_STAGE_FINETUNE, {0, 0, 0, 0}, S3REC_LOSS_BCE, false, true},
    {"full_ce", S3REC_STAGE_FINETUNE, {0, 0, 0, 0}, S3REC_LOSS_CE, false, false},
};
enum { OBJECTIVES = sizeof objectives / sizeof *objectives };

static bool failed(const replay *r, const char *what) {
  fprintf(stderr, "%s: %s: %s\n", s3_safetensors_path(r->file), what, s3rec_last_error());
  return false;
}

/* fmax() drops NaN; this keeps it. */
static double larger(double a, double b) { return isnan(a) || a >= b ? a : b; }

static double norm_of(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
  return sqrt(sum);
}

static bool wrong_size(const replay *r, const char *name, size_t count, size_t expected) {
  if (count == expected) return false;
  fprintf(stderr, "%s: %s: %zu elements instead of %zu\n", s3_safetensors_path(r->file), name,
          count, expected);
  return true;
}

static bool check_gradient(replay *r, const objective *o, const s3rec_trainer *trainer,
                           const s3rec_parameter_info *info, float *values) {
  char group[GOLDEN_GROUP_SIZE];
  golden_tensor gradient, norm;
  if (s3rec_trainer_gradient_read(trainer, info->name, values, info->element_count) != S3REC_OK) {
    return failed(r, info->name);
  }
  snprintf(group, sizeof group, "grad.%s", o->name);
  if (!golden_read(r->file, group, info->name, &gradient)) return false;
  if (gradient.values != NULL) {
    double deviation = 0, size = 0;
    if (wrong_size(r, info->name, gradient.count, info->element_count)) return false;
    for (size_t i = 0; i < gradient.count; i++) {
      deviation = larger(deviation, fabs(values[i] - gradient.values[i]));
      size = larger(size, fabs(gradient.values[i]));
    }
    golden_record(r->report, group, info->name, deviation, 1e-4 * size + 1e-6);
    golden_free(&gradient);
  }
  snprintf(group, sizeof group, "gradnorm.%s", o->name);
  if (!golden_read(r->file, group, info->name, &norm)) return false;
  if (norm.values != NULL) {
    if (wrong_size(r, info->name, norm.count, 1)) return false;
    golden_record(r->report, group, info->name,
                  fabs(norm_of(values, info->element_count) - norm.values[0]),
                  1e-4 * fabs(norm.values[0]) + 1e-6);
    golden_free(&norm);
  }
  return true;
}

static double loss_value(const objective *o, const s3rec_losses *losses) {
  if (o->stage == S3REC_STAGE_FINETUNE) return losses->next_item;
  return o->weights[0] * losses->aap + o->weights[1] * losses->mip + o->weights[2] * losses->map +
         o->weights[3] * losses->sp + (o->joint ? losses->total : 0);
}

static bool check_loss(replay *r, const objective *o, const s3rec_losses *losses) {
  golden_tensor loss;
  if (!golden_read(r->file, "loss", o->name, &loss)) return false;
  if (loss.values == NULL) return true;
  if (wrong_size(r, o->name, loss.count, 1)) return false;
  const double golden = loss.values[0], tolerance = 1e-5 * fabs(golden) + 1e-7;
  golden_record(r->report, "loss", o->name, fabs(loss_value(o, losses) - golden), tolerance);
  /* What was minimised is the same number when one objective has weight 1. */
  golden_record(r->report, "loss", o->name, fabs(losses->total - golden), tolerance);
  golden_free(&loss);
  return true;
}

static bool options_of(const replay *r, const objective *o, s3rec_trainer_options *options) {
  s3rec_trainer_options_init(options);
  if (o->stage == S3REC_STAGE_PRETRAIN) {
    options->aap_weight = o->weights[0];
    options->mip_weight = o->weights[1];
    options->map_weight = o->weights[2];
    options->sp_weight = o->weights[3];
  }
  options->finetune_loss = o->loss;
  options->shard_count = r->shard_count;
  return golden_number(r->file, "lr", 1e-3, &options->learning_rate) &&
         golden_number(r->file, "weight_decay", 0, &options->weight_decay) &&
         (!o->joint || (golden_number(r->file, "aap_weight", 0.2, &options->aap_weight) &&
                        golden_number(r->file, "mip_weight", 1.0, &options->mip_weight) &&
                        golden_number(r->file, "map_weight", 1.0, &options->map_weight) &&
                        golden_number(r->file, "sp_weight", 0.5, &options->sp_weight)));
}

/* Adam divides by the gradient's size, so where that is next to nothing, rounding
 * decides the direction. With weight decay what counts is the sum that Adam sees:
 * it may cancel where the gradient alone is large. */
static bool check_stepped(replay *r, const s3rec_model *model, const s3rec_parameter_info *info,
                          const golden_tensor *weights, const golden_tensor *gradient,
                          float *values) {
  double largest = 0, deviation = 0, decay;
  size_t compared = 0;
  golden_tensor before;
  if (wrong_size(r, info->name, weights->count, info->element_count) ||
      wrong_size(r, info->name, gradient->count, info->element_count)) {
    return false;
  }
  if (s3rec_model_parameter_read(model, info->name, values, info->element_count) != S3REC_OK) {
    return failed(r, info->name);
  }
  if (!golden_number(r->file, "weight_decay", 0, &decay) ||
      !golden_read(r->file, "param", info->name, &before)) {
    return false;
  }
  for (size_t i = 0; i < gradient->count; i++) {
    largest = larger(largest, fabs(gradient->values[i]));
  }
  for (size_t i = 0; i < weights->count; i++) {
    const double g = gradient->values[i];
    if (fabs(g) >= 1e-3 * largest && fabs(g + decay * before.values[i]) >= 1e-3 * largest) {
      deviation = larger(deviation, fabs(values[i] - weights->values[i]));
      compared++;
    }
  }
  golden_free(&before);
  if (compared > 0) golden_record(r->report, "adam3", info->name, deviation, 1e-5);
  return true;
}

/* The golden gradient, or ours where the file has none. */
static bool read_mask_gradient(const replay *r, const objective *o, const s3rec_trainer *trainer,
                               const s3rec_parameter_info *info, float *values,
                               golden_tensor *gradient) {
  char group[GOLDEN_GROUP_SIZE];
  snprintf(group, sizeof group, "grad.%s", o->name);
  if (!golden_read(r->file, group, info->name, gradient)) return false;
  if (gradient->values != NULL) return true;
  if (s3rec_trainer_gradient_read(trainer, info->name, values, info->element_count) != S3REC_OK) {
    return failed(r, info->name);
  }
  gradient->values = malloc(info->element_count * sizeof(double));
  if (gradient->values == NULL) return false;
  gradient->count = info->element_count;
  for (size_t i = 0; i < gradient->count; i++) gradient->values[i] = values[i];
  return true;
}

/* Three steps on the same batch; gradients [parameters] were taken before them. */
static bool check_steps(replay *r, const objective *o, const s3rec_model *model,
                        s3rec_trainer *trainer, const s3rec_batch *batch, float *values) {
  const size_t count = s3rec_model_parameter_count(model);
  s3rec_parameter_info info;
  golden_tensor *gradients = calloc(count, sizeof *gradients);
  bool good = gradients != NULL;
  s3rec_parameter_info_init(&info);
  for (size_t i = 0; good && i < count; i++) {
    good = s3rec_model_parameter_info(model, i, &info) == S3REC_OK &&
           read_mask_gradient(r, o, trainer, &info, values, &gradients[i]);
  }
  for (int step = 0; good && step < 3; step++) {
    good = (o->stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(trainer, batch, NULL)
                                             : s3rec_finetune_step(trainer, batch, NULL)) ==
               S3REC_OK ||
           failed(r, "adam3 step");
  }
  for (size_t i = 0; good && i < count; i++) {
    golden_tensor weights = {0, NULL};
    good = s3rec_model_parameter_info(model, i, &info) == S3REC_OK &&
           golden_read(r->file, "adam3", info.name, &weights);
    if (good && weights.values != NULL) {
      good = check_stepped(r, model, &info, &weights, &gradients[i], values);
    }
    golden_free(&weights);
  }
  for (size_t i = 0; gradients != NULL && i < count; i++) golden_free(&gradients[i]);
  free(gradients);
  return good;
}

static bool has_group(const s3_safetensors *file, const char *group) {
  const size_t length = strlen(group);
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    const char *name = s3_safetensors_at(file, i)->name;
    if (strncmp(name, group, length) == 0 && (name[length] == '.' || name[length] == '\0')) {
      return true;
    }
  }
  return false;
}

static bool objective_present(const replay *r, const objective *o) {
  static const char *const kinds[] = {"loss", "grad", "gradnorm"};
  char group[GOLDEN_GROUP_SIZE];
  bool present = o->stepped && has_group(r->file, "adam3") &&
                 s3_safetensors_find(r->file, o->stage == S3REC_STAGE_PRETRAIN
                                                  ? "batch.pos_items"
                                                  : "batch.target_pos") != NULL;
  for (size_t i = 0; i < 3; i++) {
    snprintf(group, sizeof group, "%s.%s", kinds[i], o->name);
    present = present || has_group(r->file, group);
  }
  return present;
}

static bool check_with_trainer(replay *r, const objective *o, s3rec_model *model,
                               s3rec_trainer *trainer, const s3rec_batch *batch) {
  s3rec_losses losses;
  size_t largest = 0;
  s3rec_losses_init(&losses);
  if (s3rec_trainer_compute_gradients(trainer, batch, &losses) != S3REC_OK) {
    return failed(r, o->name);
  }
  if (!check_loss(r, o, &losses)) return false;
  for (size_t i = 0; i < s3rec_model_parameter_count(model); i++) {
    s3rec_parameter_info info;
    s3rec_parameter_info_init(&info);
    if (s3rec_model_parameter_info(model, i, &info) != S3REC_OK) return failed(r, o->name);
    if (info.element_count > largest) largest = info.element_count;
  }
  float *values = malloc(largest * sizeof *values);
  bool good = values != NULL;
  for (size_t i = 0; good && i < s3rec_model_parameter_count(model); i++) {
    s3rec_parameter_info info;
    s3rec_parameter_info_init(&info);
    good = s3rec_model_parameter_info(model, i, &info) == S3REC_OK &&
           check_gradient(r, o, trainer, &info, values);
  }
  if (good && o->stepped && has_group(r->file, "adam3")) {
    good = check_steps(r, o, model, trainer, batch, values);
  }
  free(values);
  return good;
}

static bool check_objective(replay *r, const objective *o) {
  s3rec_trainer_options options;
  s3rec_model *model = NULL;
  s3rec_batch *batch = NULL;
  s3rec_trainer *trainer = NULL;
  bool good = true;
  if (!objective_present(r, o)) return true;
  good = options_of(r, o, &options) && golden_batch(r->context, r->file, o->stage, &batch);
  if (good && batch == NULL) {
    fprintf(stderr, "%s: has %s but no batch\n", s3_safetensors_path(r->file), o->name);
    good = false;
  }
  good = good && golden_model(r->context, r->file, &model);
  if (good) {
    good = s3rec_trainer_create(model, &options, &trainer) == S3REC_OK
               ? check_with_trainer(r, o, model, trainer, batch)
               : failed(r, "trainer");
  }
  s3rec_trainer_destroy(trainer);
  s3rec_batch_destroy(batch);
  s3rec_model_destroy(model);
  return good;
}

static bool check_encoder(replay *r, s3rec_scorer *scorer, int32_t hidden_size,
                          s3rec_attention attention, const char *group, const char *ids_name) {
  golden_tensor golden;
  int32_t rows, columns, *ids = NULL;
  if (!golden_read(r->file, group, NULL, &golden)) return false;
  if (golden.values == NULL) return true;
  if (!golden_ids(r->file, ids_name, &rows, &columns, &ids)) {
    fprintf(stderr, "%s: has %s but no %s\n", s3_safetensors_path(r->file), group, ids_name);
    golden_free(&golden);
    return false;
  }
  const size_t tokens = (size_t)rows * (size_t)columns, width = (size_t)hidden_size;
  float *hidden = malloc((tokens * width + 1) * sizeof *hidden);
  bool good = hidden != NULL && !wrong_size(r, group, golden.count, tokens * width);
  if (good && s3rec_encode(scorer, attention, ids, (size_t)rows, (size_t)columns, hidden) !=
                  S3REC_OK) {
    good = failed(r, group);
  }
  double deviation = 0;
  size_t compared = 0;
  for (size_t t = 0; good && t < tokens; t++) {
    for (size_t i = t * width; ids[t] != 0 && i < (t + 1) * width; i++) {
      deviation = larger(deviation, fabs(hidden[i] - golden.values[i]));
      compared++;
    }
  }
  if (good && compared > 0) golden_record(r->report, group, ids_name, deviation, 2e-5);
  free(hidden);
  free(ids);
  golden_free(&golden);
  return good;
}

static bool check_scores(replay *r, s3rec_scorer *scorer, int32_t item_size) {
  golden_tensor golden;
  int32_t rows, columns, *ids = NULL;
  const size_t items = (size_t)item_size;
  if (!golden_read(r->file, "scores.full", NULL, &golden)) return false;
  if (golden.values == NULL) return true;
  if (!golden_ids(r->file, "batch.input_ids", &rows, &columns, &ids)) {
    fprintf(stderr, "%s: has scores.full but no batch.input_ids\n", s3_safetensors_path(r->file));
    golden_free(&golden);
    return false;
  }
  float *scores = malloc(items * sizeof *scores);
  bool good = scores != NULL && !wrong_size(r, "scores.full", golden.count, (size_t)rows * items);
  for (int32_t row = 0; good && row < rows; row++) {
    const int32_t *slots = ids + (size_t)row * (size_t)columns;
    const double *expected = golden.values + (size_t)row * items;
    double deviation = 0, size = 1;
    size_t padding = 0;
    char where[32];
    while (padding < (size_t)columns && slots[padding] == 0) padding++;
    if (padding == (size_t)columns) continue;
    if (s3rec_score_all(scorer, slots + padding, (size_t)columns - padding, scores, items) !=
        S3REC_OK) {
      good = failed(r, "scores.full");
      break;
    }
    for (size_t i = 0; i < items; i++) {
      deviation = larger(deviation, fabs(scores[i] - expected[i]));
      size = larger(size, fabs(expected[i]));
    }
    snprintf(where, sizeof where, "row %d", (int)row);
    golden_record(r->report, "scores.full", where, deviation, 2e-5 * size);
  }
  free(scores);
  free(ids);
  golden_free(&golden);
  return good;
}

static bool check_scoring(replay *r) {
  s3rec_model_config config;
  s3rec_model *model;
  s3rec_scorer *scorer = NULL;
  if (!has_group(r->file, "encoder") && !has_group(r->file, "scores")) return true;
  if (!golden_config(r->file, &config) || !golden_model(r->context, r->file, &model)) return false;
  bool good = s3rec_scorer_create(model, &scorer) == S3REC_OK || failed(r, "scorer");
  good = good &&
         check_encoder(r, scorer, config.hidden_size, S3REC_ATTENTION_BIDIRECTIONAL,
                       "encoder.bidirectional", "batch.masked_item_sequence") &&
         check_encoder(r, scorer, config.hidden_size, S3REC_ATTENTION_CAUSAL, "encoder.causal",
                       "batch.input_ids") &&
         check_scores(r, scorer, config.item_size);
  s3rec_scorer_destroy(scorer);
  s3rec_model_destroy(model);
  return good;
}

bool golden_replay(s3rec_context *context, const s3_safetensors *file, int32_t shard_count,
                   golden_report *report) {
  replay r = {context, file, shard_count, report};
  golden_report_begin(report, file);
  for (size_t i = 0; i < OBJECTIVES; i++) {
    if (!check_objective(&r, &objectives[i])) return false;
  }
  return check_scoring(&r);
}
