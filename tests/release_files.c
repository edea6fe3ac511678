/* SPDX-License-Identifier: Apache-2.0 */
/* The part of scripts/release_files.py that the library does: writes model.safetensors,
 * trainer.state, pretrain.state, finetune.state and figures.txt into the folder that is named. */
#include <stdio.h>

#include "release_files_fixture.h"

static void write_model(const release_setup *setup) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  release_ok(s3rec_dataset_info_get(setup->dataset, &info));
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.item_size = info.item_size;
  config.attribute_size = info.attribute_size;
  config.max_seq_length = 8;
  config.hidden_size = 4;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  config.hidden_dropout_prob = 0.25;
  s3rec_model *model;
  release_ok(s3rec_model_create(setup->context, &config, 10, &model));
  s3rec_vocabulary *items, *attributes;
  release_ok(s3rec_dataset_item_names(setup->dataset, &items));
  release_ok(s3rec_dataset_attribute_names(setup->dataset, &attributes));
  release_ok(s3rec_model_set_names(model, items, attributes));
  s3rec_vocabulary_destroy(items);
  s3rec_vocabulary_destroy(attributes);

  release_ok(s3rec_model_count_popularity(model, setup->dataset, 1));

  s3rec_sampler *sampler;
  s3rec_batch *batch;
  s3rec_trainer *trainer = release_trainer(setup, model, &sampler);
  release_ok(s3rec_batch_create(setup->context, &batch));
  for (int i = 0; i < 30; i++) {
    if (i == 10) /* in the middle of an epoch */
      release_ok(s3rec_trainer_save(trainer, sampler, RELEASE_NOTE,
                                 release_path(setup, "trainer.state")));
    release_ok(s3rec_sampler_next(sampler, batch));
    release_ok(s3rec_finetune_step(trainer, batch, NULL));
  }
  s3rec_batch_destroy(batch);
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  release_ok(s3rec_model_save(model, release_path(setup, "model.safetensors")));
  s3rec_model_destroy(model);
}

/* The state after so many steps of a run: in the middle of its second epoch. */
static void write_run(const release_setup *setup, s3rec_stage stage, const char *name) {
  s3rec_run *run = release_run(setup, stage);
  s3rec_run_progress at;
  s3rec_run_progress_init(&at);
  do release_ok(s3rec_run_step(run, &at));
  while (at.epoch < 2);
  release_ok(s3rec_run_save(run, release_path(setup, name)));
  s3rec_run_destroy(run);
}

int main(int count, char **arguments) {
  if (count != 2) return fputs("usage: release_files FOLDER\n", stderr), 2;
  release_setup setup = release_begin(arguments[1], S3REC_BACKEND_AUTO);
  write_model(&setup);
  release_end(&setup);
  setup = release_begin(arguments[1], S3REC_BACKEND_AUTO);
  write_run(&setup, S3REC_STAGE_PRETRAIN, "pretrain.state");
  write_run(&setup, S3REC_STAGE_FINETUNE, "finetune.state");
  static release_figures figures;
  release_read_all(&setup, &figures);
  FILE *file = fopen(release_path(&setup, "figures.txt"), "w");
  if (file == NULL) return perror(arguments[1]), 1;
  for (size_t i = 0; i < figures.count; i++)
    fprintf(file, "%s %.17g %g\n", figures.list[i].name, figures.list[i].value,
            figures.list[i].tolerance);
  release_end(&setup);
  return fclose(file) == 0 ? 0 : 1;
}
