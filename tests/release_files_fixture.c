/* SPDX-License-Identifier: Apache-2.0 */
#include "release_files_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


enum { EXACT = 0, TOP = 5, MORE_STEPS = 3 };

void release_check(bool good, const char *what) {
  if (good) return;
  fprintf(stderr, "%s: %s\n", what, s3rec_last_error());
  exit(1);
}

const char *release_path(const release_setup *setup, const char *name) {
  static char paths[8][512];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof *paths, "%s/%s", setup->folder, name);
  return path;
}

static s3rec_dataset *dataset_of_events(const release_setup *setup) {
  s3rec_events *events;
  s3rec_dataset *dataset;
  release_ok(s3rec_events_create(setup->context, &events));
  release_ok(s3rec_events_read(events, release_path(setup, "events.csv"), NULL, NULL));
  release_ok(s3rec_events_read_attributes(events, release_path(setup, "attributes.csv"), NULL,
                                          NULL));
  release_ok(s3rec_events_dataset(events, NULL, &dataset, NULL));
  s3rec_events_destroy(events);
  return dataset;
}

release_setup release_begin(const char *folder, s3rec_backend backend) {
  release_setup setup = {.folder = folder};
  s3rec_context_options options;
  s3rec_context_options_init(&options);
  options.backend = backend;
  release_ok(s3rec_context_create(&options, &setup.context));
  setup.dataset = dataset_of_events(&setup);
  const char *path = release_path(&setup, "model.safetensors");
  FILE *file = fopen(path, "rb");
  if (file != NULL) {
    fclose(file);
    release_ok(s3rec_model_load(setup.context, path, NULL, &setup.model));
  }
  return setup;
}

void release_end(release_setup *setup) {
  s3rec_model_destroy(setup->model);
  s3rec_dataset_destroy(setup->dataset);
  s3rec_context_destroy(setup->context);
}

s3rec_trainer *release_trainer(const release_setup *setup, s3rec_model *model,
                               s3rec_sampler **sampler) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  release_ok(s3rec_model_config_get(model, &config));
  s3rec_sampler_options draws;
  s3rec_sampler_options_init(&draws, S3REC_STAGE_FINETUNE);
  draws.batch_size = 7;
  draws.max_seq_length = config.max_seq_length;
  draws.seed = 11;
  draws.held_out_count = 1;
  s3rec_trainer_options options;
  s3rec_trainer_options_init(&options);
  options.learning_rate = 0.02;
  options.weight_decay = 1e-4;
  options.max_gradient_norm = 2;
  options.finetune_loss = S3REC_LOSS_SAMPLED_CE;
  options.seed = 12;
  options.shard_count = 4;
  options.warmup_steps = 3;
  options.decay_steps = 40;
  options.label_smoothing = 0.05;
  options.decoupled_weight_decay = 0.01;
  options.negative_count = 10;
  s3rec_trainer *trainer;
  release_ok(s3rec_sampler_create(setup->dataset, &draws, sampler));
  release_ok(s3rec_trainer_create(model, &options, &trainer));
  return trainer;
}

s3rec_run *release_run(const release_setup *setup, s3rec_stage stage) {
  s3rec_run_options options;
  s3rec_run_options_init(&options, stage);
  options.seed = 13;
  options.epochs = 4;
  options.patience = 2;
  s3rec_sampler_options draws;
  s3rec_sampler_options_init(&draws, stage);
  release_ok(s3rec_recipe_sampler(options.recipe, &draws));
  draws.batch_size = 8;
  options.sampler = &draws;
  s3rec_run *run;
  release_ok(s3rec_run_create(setup->model, setup->dataset, &options, &run));
  return run;
}

static void note_figure(release_figures *figures, double value, double tolerance,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

static void note_figure(release_figures *figures, double value, double tolerance,
                        const char *format, ...) {
  release_check(figures->count < sizeof figures->list / sizeof *figures->list, "too many figures");
  release_figure *figure = &figures->list[figures->count++];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(figure->name, sizeof figure->name, format, arguments);
  va_end(arguments);
  figure->value = value;
  figure->tolerance = tolerance;
}

static void note_dataset(release_figures *figures, const char *name,
                         const s3rec_dataset *dataset) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  release_ok(s3rec_dataset_info_get(dataset, &info));
  note_figure(figures, (double)info.user_count, EXACT, "%s.users", name);
  note_figure(figures, (double)info.interaction_count, EXACT, "%s.interactions", name);
  note_figure(figures, info.item_size, EXACT, "%s.item_size", name);
  note_figure(figures, info.attribute_size, EXACT, "%s.attribute_size", name);
  note_figure(figures, info.negatives_per_user, EXACT, "%s.negatives", name);
  note_figure(figures, (double)(info.fingerprint >> 32), EXACT, "%s.fingerprint_high", name);
  note_figure(figures, (double)(info.fingerprint & UINT32_MAX), EXACT, "%s.fingerprint_low", name);
}

/* A checksum (FNV-1a) of all names in the order of their ids. */
static void note_names(release_figures *figures, const char *name, s3rec_vocabulary *names) {
  uint32_t sum = 2166136261u;
  const int32_t first = s3rec_vocabulary_first_id(names);
  const size_t count = s3rec_vocabulary_count(names);
  for (size_t i = 0; i < count; i++) {
    const char *text;
    size_t length;
    release_ok(s3rec_vocabulary_name(names, first + (int32_t)i, &text, &length));
    for (size_t at = 0; at <= length; at++) sum = (sum ^ (unsigned char)text[at]) * 16777619u;
  }
  note_figure(figures, (double)count, EXACT, "%s.count", name);
  note_figure(figures, sum, EXACT, "%s.checksum", name);
  s3rec_vocabulary_destroy(names);
}

static void note_ranked(release_figures *figures, const char *name, const char *what,
                        const int32_t *ids, const float *scores, size_t count) {
  release_check(count == TOP, "so many items are recommended");
  for (size_t i = 0; i < count; i++) {
    note_figure(figures, ids[i], EXACT, "%s.%s_%zu.id", name, what, i);
    note_figure(figures, (double)scores[i], 1e-4, "%s.%s_%zu.score", name, what, i);
  }
}

static void note_model(release_figures *figures, const char *name, s3rec_model *model) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  release_ok(s3rec_model_config_get(model, &config));
  note_figure(figures, config.item_size, EXACT, "%s.item_size", name);
  note_figure(figures, config.hidden_size, EXACT, "%s.hidden_size", name);
  note_figure(figures, config.num_attention_heads, EXACT, "%s.heads", name);
  note_figure(figures, config.hidden_dropout_prob, EXACT, "%s.hidden_dropout", name);
  s3rec_vocabulary *names;
  char part[32];
  release_ok(s3rec_model_item_names(model, &names));
  snprintf(part, sizeof part, "%s.items", name);
  note_names(figures, part, names);
  release_ok(s3rec_model_attribute_names(model, &names));
  snprintf(part, sizeof part, "%s.attributes", name);
  note_names(figures, part, names);

  static const int32_t history[] = {3, 1, 4, 15, 9, 2, 6};
  int32_t ids[TOP];
  float scores[TOP];
  size_t count;
  s3rec_scorer *scorer;
  release_ok(s3rec_scorer_create(model, &scorer));
  release_ok(s3rec_score_next(scorer, history, sizeof history / sizeof *history, NULL, TOP, ids,
                           scores, &count));
  s3rec_scorer_destroy(scorer);
  note_ranked(figures, name, "best", ids, scores, count);
}

/* The model file as a recommender has it: what is popular, for a history of unknown items. */
static void note_popular(const release_setup *setup, release_figures *figures) {
  s3rec_recommender_options options;
  s3rec_recommender_options_init(&options);
  options.context = setup->context;
  s3rec_recommender *recommender;
  release_ok(s3rec_recommender_open(release_path(setup, "model.safetensors"), &options,
                                    &recommender));
  static const int32_t unknown[] = {100000};
  int32_t ids[TOP];
  float scores[TOP];
  size_t count;
  release_ok(s3rec_recommend(recommender, unknown, 1, NULL, TOP, ids, scores, &count));
  note_ranked(figures, "model", "popular", ids, scores, count);
  s3rec_recommender_destroy(recommender);
}

/* A state of a trainer goes on for a few steps. */
static void note_trainer(const release_setup *setup, release_figures *figures) {
  s3rec_model *model;
  s3rec_sampler *sampler;
  s3rec_batch *batch;
  release_ok(s3rec_model_clone(setup->model, &model));
  s3rec_trainer *trainer = release_trainer(setup, model, &sampler);
  release_ok(s3rec_trainer_load(trainer, sampler, release_path(setup, "trainer.state")));
  release_check(strcmp(s3rec_trainer_note(trainer), RELEASE_NOTE) == 0, "the note is the same");
  uint64_t epoch;
  size_t step;
  release_ok(s3rec_sampler_position(sampler, &epoch, &step));
  note_figure(figures, (double)s3rec_trainer_step_count(trainer), EXACT, "trainer.step");
  note_figure(figures, (double)epoch, EXACT, "trainer.sampler_epoch");
  note_figure(figures, (double)step, EXACT, "trainer.sampler_step");
  release_ok(s3rec_batch_create(setup->context, &batch));
  for (int i = 0; i < MORE_STEPS; i++) {
    s3rec_losses losses;
    s3rec_losses_init(&losses);
    release_ok(s3rec_sampler_next(sampler, batch));
    release_ok(s3rec_finetune_step(trainer, batch, &losses));
    note_figure(figures, losses.total, 1e-4, "trainer.step_%d.loss", i);
    note_figure(figures, losses.gradient_norm, 1e-3, "trainer.step_%d.norm", i);
    note_figure(figures, (double)losses.target_count, EXACT, "trainer.step_%d.targets", i);
  }
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  s3rec_model_destroy(model);
}

/* A run goes on to its end and hands out its model. */
static void note_run(release_figures *figures, s3rec_run *run, const char *name) {
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  int steps = 0, epochs = 0;
  do {
    release_ok(s3rec_run_step(run, &at));
    steps += at.event != S3REC_RUN_DONE;
    if (at.event != S3REC_RUN_EPOCH) continue;
    note_figure(figures, at.epoch, EXACT, "%s.epoch_%d", name, epochs);
    note_figure(figures, at.refit, EXACT, "%s.epoch_%d.refit", name, epochs);
    note_figure(figures, at.loss, 1e-3, "%s.epoch_%d.loss", name, epochs);
    note_figure(figures, at.best_value, 0.02, "%s.epoch_%d.best_value", name, epochs);
    epochs++;
  } while (at.event != S3REC_RUN_DONE);
  note_figure(figures, steps, EXACT, "%s.steps", name);
  note_figure(figures, at.best_epoch, EXACT, "%s.best_epoch", name);
  s3rec_model *made;
  release_ok(s3rec_run_finish(run, &made));
  s3rec_run_destroy(run);
  note_model(figures, name, made);
  s3rec_model_destroy(made);
}

/* States of runs, each taken up with the run's options and by the file alone. */
static void note_runs(const release_setup *setup, release_figures *figures) {
  static const struct {
    s3rec_stage stage;
    const char *file, *loaded, *resumed;
  } states[] = {{S3REC_STAGE_PRETRAIN, "pretrain.state", "pretrain", "pretrain_resumed"},
                {S3REC_STAGE_FINETUNE, "finetune.state", "finetune", "finetune_resumed"}};
  for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
    const char *path = release_path(setup, states[i].file);
    s3rec_run *run = release_run(setup, states[i].stage);
    release_ok(s3rec_run_load(run, path));
    note_run(figures, run, states[i].loaded);
    release_ok(s3rec_run_resume(setup->model, setup->dataset, path, 0, &run));
    note_run(figures, run, states[i].resumed);
  }
}

void release_read_all(const release_setup *setup, release_figures *figures) {
  s3rec_dataset *dataset;
  release_ok(s3rec_dataset_load(setup->context, release_path(setup, "data.txt"),
                                release_path(setup, "data_item2attributes.json"),
                                release_path(setup, "data_sample.txt"), &dataset));
  note_dataset(figures, "data", dataset);
  s3rec_dataset_destroy(dataset);
  note_dataset(figures, "events", setup->dataset);

  s3rec_model *mapped;
  release_ok(s3rec_model_map(setup->context, release_path(setup, "model.safetensors"), NULL,
                             &mapped));
  note_model(figures, "model", setup->model);
  note_model(figures, "mapped", mapped);
  s3rec_model_destroy(mapped);
  note_popular(setup, figures);
  note_trainer(setup, figures);
  note_runs(setup, figures);
}
