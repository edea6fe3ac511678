/* SPDX-License-Identifier: Apache-2.0 */
#include "training.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "interrupt.h"
#include "output_file.h"
#include "recipe.h"
#include "refit.h"
#include "session.h"

static int check_status(s3rec_status status) {
  return status == S3REC_OK ? CLI_OK : cli_fail_status(status);
}

/* The model and trainer of the state; options, sums and best of its note. */
static int open_state(cli_training *training) {
  cli_options *const options = training->options;
  CLI_TRY(cli_open_model(options, training->context, options->resume, CLI_RESUME_MODEL,
                         &training->model));
  CLI_TRY(check_status(s3rec_trainer_create(training->model, NULL, &training->trainer)));
  CLI_TRY(check_status(s3rec_trainer_load(training->trainer, NULL, options->resume)));
  return cli_note_read(training, s3rec_trainer_note(training->trainer));
}

/* A setting that has no effect would be taken for one that has. */
static int check_loss(const cli_options *options) {
  const s3rec_finetune_loss loss = options->trainer.finetune_loss;
  if (loss != S3REC_LOSS_SAMPLED_CE && cli_options_given(options, "negative-count"))
    return cli_usage(options, "--negative-count belongs to --loss sampled-ce; leave it out");
  if (loss == S3REC_LOSS_BCE && cli_options_given(options, "label-smoothing") &&
      options->trainer.label_smoothing > 0)
    return cli_usage(options,
                     "--label-smoothing belongs to --loss ce and sampled-ce; with bce only 0 is "
                     "accepted");
  return CLI_OK;
}

/* A model of events knows what its items are called. */
static int name_model(const cli_training *training) {
  s3rec_vocabulary *items = NULL, *attributes = NULL;
  s3rec_status status = s3rec_dataset_item_names(training->dataset, &items);
  if (status == S3REC_OK) status = s3rec_dataset_attribute_names(training->dataset, &attributes);
  if (status == S3REC_OK && items != NULL)
    status = s3rec_model_set_names(training->model, items, attributes);
  s3rec_vocabulary_destroy(items);
  s3rec_vocabulary_destroy(attributes);
  return check_status(status);
}

/* The weights that training begins with. */
static int make_model(cli_training *training) {
  cli_options *const options = training->options;
  if (options->model != NULL) {
    CLI_TRY(cli_open_model(options, training->context, options->model, CLI_TRAIN_MODEL,
                           &training->model));
    CLI_TRY(cli_check_fit(training->model, training->dataset, options->model, false));
    CLI_TRY(
        check_status(s3rec_model_set_dropouts(training->model, options->config.hidden_dropout_prob,
                                              options->config.attention_probs_dropout_prob)));
  } else {
    s3rec_dataset_info info;
    s3rec_dataset_info_init(&info);
    CLI_TRY(check_status(s3rec_dataset_info_get(training->dataset, &info)));
    options->config.item_size = info.item_size;
    options->config.attribute_size = info.attribute_size;
    CLI_TRY(check_status(
        s3rec_model_create(training->context, &options->config, options->seed, &training->model)));
    CLI_TRY(name_model(training));
  }
  /* Notes hold the network in use, and the sampler cuts to its length. */
  CLI_TRY(check_status(s3rec_model_config_get(training->model, &options->config)));
  options->sampler.max_seq_length = options->config.max_seq_length;
  return CLI_OK;
}

static int fail_data(const cli_options *options) {
  char file[512];
  cli_data_file(options, file, sizeof file);
  return cli_fail(CLI_BAD_DATA, "%s: %s", file, s3rec_last_error());
}

static int make_sampler(cli_training *training) {
  training->options->sampler.held_out_count = cli_refit_held_out(training);
  const s3rec_status status =
      s3rec_sampler_create(training->dataset, &training->options->sampler, &training->sampler);
  if (status == S3REC_ERROR_ARGUMENT) /* the options are within their ranges: it is the data */
    return fail_data(training->options);
  CLI_TRY(check_status(status));
  return check_status(s3rec_sampler_epoch_size(training->sampler, NULL, &training->steps));
}

int cli_training_begin(cli_training *training) {
  cli_options *const options = training->options;
  s3rec_sampler_destroy(training->sampler);
  s3rec_trainer_destroy(training->trainer);
  s3rec_model_destroy(training->model);
  training->sampler = NULL;
  training->trainer = NULL;
  training->model = NULL;
  CLI_TRY(make_model(training));
  CLI_TRY(cli_weights_hash(training->model, training->start_weights));
  CLI_TRY(make_sampler(training));
  CLI_TRY(cli_recipe_schedule(options, training->steps));
  return check_status(s3rec_trainer_create(training->model, &options->trainer, &training->trainer));
}

/* The page is made from the log, so it brings one along. */
static int name_log(cli_training *training) {
  const cli_options *const options = training->options;
  if (options->log == NULL && options->report == NULL) return CLI_OK;
  const int written = options->log != NULL ? asprintf(&training->log_path, "%s", options->log)
                                           : asprintf(&training->log_path, "%s.log", options->out);
  if (written >= 0) return CLI_OK;
  training->log_path = NULL;
  return cli_fail(CLI_FAILURE, "out of memory");
}

static int name_state(cli_training *training) {
  const cli_options *const options = training->options;
  const char *const given = options->state != NULL ? options->state : options->resume;
  const int written = given != NULL ? asprintf(&training->state_path, "%s", given)
                                    : asprintf(&training->state_path, "%s.state", options->out);
  if (written >= 0) return CLI_OK;
  training->state_path = NULL;
  return cli_fail(CLI_FAILURE, "out of memory");
}

/* One would be written over the other, at the end of hours. Whether --out and --state may
 * be the file of --model depends on the refit. */
static int check_names(const cli_training *training) {
  const cli_options *const options = training->options;
  const struct {
    const char *option, *path;
  } files[] = {{"model", options->model},
               {"out", options->out},
               {"state", training->state_path},
               {"log", training->log_path},
               {"report", options->report}};
  const size_t count = sizeof files / sizeof files[0];
  for (size_t i = 0; i < count; i++)
    for (size_t j = i == 0 ? 3 : i + 1; j < count; j++)
      if (files[i].path != NULL && files[j].path != NULL &&
          strcmp(files[i].path, files[j].path) == 0)
        return cli_usage(options, "--%s and --%s are both %s; they must be different files",
                         files[i].option, files[j].option, files[i].path);
  return CLI_OK;
}

/* Events are numbered as in the model that training goes on with or starts from. */
static int open_data(cli_training *training) {
  const cli_options *const options = training->options;
  const bool sampled =
      options->command->bit == CLI_FINETUNE && options->stop_protocol == S3REC_PROTOCOL_SAMPLED;
  s3rec_model *start = NULL;
  if (options->events.count > 0 && training->model == NULL && options->model != NULL)
    CLI_TRY(
        check_status(s3rec_model_map(training->context, options->model, &options->config, &start)));
  const int code = cli_open_dataset(
      options, training->context, CLI_ATTRIBUTES | (sampled ? CLI_NEGATIVES : 0),
      start != NULL ? start : training->model, &training->events, &training->dataset);
  s3rec_model_destroy(start);
  CLI_TRY(code);
  return options->command->bit == CLI_FINETUNE ? cli_check_measurable(training->dataset, options)
                                               : CLI_OK;
}

int cli_training_open(cli_training *training, cli_options *options) {
  *training = (cli_training){.options = options};
  CLI_TRY(name_state(training));
  CLI_TRY(name_log(training));
  CLI_TRY(check_names(training));
  CLI_TRY(cli_open_context(options, &training->context));
  if (options->resume != NULL) CLI_TRY(open_state(training));
  CLI_TRY(check_loss(options));
  CLI_TRY(cli_refit_check(training));
  CLI_TRY(open_data(training));
  if (options->resume == NULL) {
    CLI_TRY(cli_training_begin(training));
  } else {
    CLI_TRY(make_sampler(training));
    CLI_TRY(
        check_status(s3rec_trainer_load(training->trainer, training->sampler, options->resume)));
  }
  CLI_TRY(check_status(s3rec_batch_create(training->context, &training->batch)));
  CLI_TRY(
      check_status(s3rec_sampler_position(training->sampler, &training->epoch, &training->step)));
  cli_interrupt_install();
  cli_progress_begin(&training->progress, cli_training_phase(training),
                     training->epoch * training->steps + training->step);
  return CLI_OK;
}

void cli_training_close(cli_training *training) {
  s3rec_batch_destroy(training->batch);
  s3rec_sampler_destroy(training->sampler);
  s3rec_trainer_destroy(training->trainer);
  s3rec_model_destroy(training->model);
  s3rec_dataset_destroy(training->dataset);
  s3rec_context_destroy(training->context);
  if (training->log != NULL) fclose(training->log);
  json_decref(training->events);
  json_decref(training->note);
  free(training->state_path);
  free(training->log_path);
  free(training->start_path);
}

static int save(const cli_training *training) {
  char *const note = cli_note_make(training);
  if (note == NULL) return cli_fail(CLI_FAILURE, "out of memory");
  const s3rec_status status =
      s3rec_trainer_save(training->trainer, training->sampler, note, training->state_path);
  free(note);
  return check_status(status);
}

int32_t cli_training_epochs(const cli_training *training) {
  return training->refit_epochs > 0 ? training->refit_epochs : training->options->epochs;
}

uint64_t cli_training_selected(const cli_training *training) {
  return training->refit_epochs > 0 ? training->selection_epochs : training->epoch;
}

const char *cli_training_phase(const cli_training *training) {
  return training->refit_epochs > 0 ? "refit, epoch" : "epoch";
}

static int end_interrupted(const cli_training *training, bool saved) {
  if (!saved) CLI_TRY(save(training));
  cli_remark("interrupted in %s %" PRIu64 " of %d before step %zu of %zu; state saved to %s",
             cli_training_phase(training), training->epoch + 1, (int)cli_training_epochs(training),
             training->step + 1, training->steps, training->state_path);
  cli_print_resume(training);
  return CLI_INTERRUPTED;
}

static void add(cli_sums *sums, const s3rec_losses *losses) {
  sums->total += losses->total;
  sums->aap += losses->aap;
  sums->mip += losses->mip;
  sums->map += losses->map;
  sums->sp += losses->sp;
  sums->next_item += losses->next_item * (double)losses->target_count;
  sums->sequences += losses->sequence_count;
  sums->tokens += losses->token_count;
  sums->targets += losses->target_count;
}

int cli_training_run_epoch(cli_training *training) {
  const bool pretraining = training->options->command->bit == CLI_PRETRAIN;
  training->epoch_begun = cli_now();
  training->epoch_sequences = 0;
  while (training->step < training->steps) {
    s3rec_losses losses;
    s3rec_losses_init(&losses);
    CLI_TRY(check_status(s3rec_sampler_next(training->sampler, training->batch)));
    CLI_TRY(check_status(pretraining
                             ? s3rec_pretrain_step(training->trainer, training->batch, &losses)
                             : s3rec_finetune_step(training->trainer, training->batch, &losses)));
    add(&training->sums, &losses);
    training->epoch_sequences += losses.sequence_count;
    char text[160];
    cli_losses_text(training, text, sizeof text);
    cli_progress_step(&training->progress, (int32_t)training->epoch, cli_training_epochs(training),
                      training->step, training->steps, losses.sequence_count, text);
    training->step++;
    if (cli_interrupted() && training->step < training->steps)
      return end_interrupted(training, false);
  }
  return CLI_OK;
}

int cli_training_next_epoch(cli_training *training, bool must_save, bool last) {
  training->epoch++;
  training->step = 0;
  training->sums = (cli_sums){0};
  const bool due =
      last || must_save || training->epoch % (uint64_t)training->options->save_every == 0;
  if (due) CLI_TRY(save(training));
  return cli_interrupted() && !last ? end_interrupted(training, due) : CLI_OK;
}
