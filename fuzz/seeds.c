/* SPDX-License-Identifier: Apache-2.0 */
/* usage: fuzz_seeds FOLDER
 *
 * Writes the model files and training states of which make_corpus.py makes the corpus. */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

static const char *in_folder(const char *folder, const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void save_states(const char *folder, s3rec_context *context, s3rec_model *first,
                        s3rec_dataset *dataset, s3rec_stage stage, const char *name) {
  char file[64];
  s3rec_model *model;
  s3rec_batch *batch;
  fuzz_ok(s3rec_model_clone(first, &model));
  fuzz_ok(s3rec_batch_create(context, &batch));
  s3rec_trainer *const trainer = fixture_trainer(model);
  s3rec_sampler *const sampler = fixture_sampler(dataset, stage);
  fuzz_ok(s3rec_sampler_next(sampler, batch));
  fuzz_ok(stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(trainer, batch, NULL)
                                        : s3rec_finetune_step(trainer, batch, NULL));
  snprintf(file, sizeof file, "trainer-%s", name);
  fuzz_ok(s3rec_trainer_save(trainer, sampler, "a note", in_folder(folder, file)));
  s3rec_trainer_destroy(trainer);
  s3rec_sampler_destroy(sampler);
  s3rec_batch_destroy(batch);
  s3rec_model_destroy(model);

  s3rec_run *const run = fixture_run(first, dataset, stage);
  for (int i = 0; i < 3; i++) fuzz_ok(s3rec_run_step(run, NULL));
  fuzz_ok(s3rec_run_set_note(run, "a \"note\" \xc3\xa9"));
  snprintf(file, sizeof file, "run-%s", name);
  fuzz_ok(s3rec_run_save(run, in_folder(folder, file)));
  if (stage == S3REC_STAGE_FINETUNE) {
    s3rec_run_progress progress;
    s3rec_run_progress_init(&progress);
    while (!progress.refit) fuzz_ok(s3rec_run_step(run, &progress));
    fuzz_ok(s3rec_run_save(run, in_folder(folder, "run-refit")));
  }
  s3rec_run_destroy(run);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  s3rec_context *const context = fuzz_context(1, false);
  s3rec_dataset *const dataset = fixture_dataset(context);
  s3rec_model *const model = fixture_model(context);
  fuzz_ok(s3rec_model_save(model, in_folder(argv[1], "plain")));
  save_states(argv[1], context, model, dataset, S3REC_STAGE_PRETRAIN, "pretrain");
  save_states(argv[1], context, model, dataset, S3REC_STAGE_FINETUNE, "finetune");
  fixture_set_names(context, model);
  fuzz_ok(s3rec_model_save(model, in_folder(argv[1], "names")));
  fuzz_ok(s3rec_model_count_popularity(model, dataset, 1));
  fuzz_ok(s3rec_model_save(model, in_folder(argv[1], "names-popularity")));
  s3rec_model_destroy(model);
  s3rec_dataset_destroy(dataset);
  s3rec_context_destroy(context);
  return 0;
}
