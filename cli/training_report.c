/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "print.h"
#include "training_log.h"

const char *cli_training_phase(const cli_training *training) {
  return training->at.refit ? "refit, epoch" : "epoch";
}

static bool pretrains(const cli_training *training) {
  return training->options->command->bit == CLI_PRETRAIN;
}

void cli_losses_text(const cli_training *training, char *text, size_t capacity) {
  const s3rec_run_progress *const at = &training->at;
  if (pretrains(training))
    snprintf(text, capacity, "loss %.4f  aap %.4f  mip %.4f  map %.4f  sp %.4f", at->loss, at->aap,
             at->mip, at->map, at->sp);
  else
    snprintf(text, capacity, "loss %.4f", at->loss);
}

/* One epoch as an object. Losses are means per sequence in pretraining and per target in
 * fine-tuning. `valid` may be NULL. */
static json_t *epoch_as_object(const cli_training *training, double seconds, double rate,
                               const s3rec_metrics *valid) {
  const s3rec_run_progress *const at = &training->at;
  json_t *const object = json_pack(
      "{s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:f, s:f, s:f}", "event", at->refit ? "refit" : "epoch",
      "command", training->options->command->name, "epoch", (int)at->epoch, "epochs",
      (int)at->epochs, "sequences", cli_json_uint64(at->sequence_count), "tokens",
      cli_json_uint64(at->token_count), "targets", cli_json_uint64(at->target_count), "seconds",
      seconds, "sequences_per_second", rate, "loss", at->loss);
  if (pretrains(training)) {
    json_object_set_new(object, "aap", json_real(at->aap));
    json_object_set_new(object, "mip", json_real(at->mip));
    json_object_set_new(object, "map", json_real(at->map));
    json_object_set_new(object, "sp", json_real(at->sp));
  }
  if (valid != NULL) {
    json_object_set_new(object, "valid", cli_json_metrics(valid));
    json_object_set_new(object, "best_epoch", json_integer(at->best_epoch));
  }
  return object;
}

int cli_report_epoch(const cli_training *training) {
  const s3rec_run_progress *const at = &training->at;
  const double seconds = cli_now() - training->epoch_begun;
  const double sequences = (double)(at->sequence_count - training->sequences_before);
  const double rate = seconds > 0 ? sequences / seconds : 0.0;
  const bool measured = !pretrains(training) && !at->refit;
  s3rec_metrics valid;
  s3rec_metrics_init(&valid);
  if (measured) {
    const s3rec_status status = s3rec_run_valid_metrics(training->run, &valid);
    if (status != S3REC_OK) return cli_fail_status(status);
  }
  char losses[160], metric[96] = "";
  cli_losses_text(training, losses, sizeof losses);
  if (measured)
    snprintf(metric, sizeof metric, "  valid %s %.4f%s",
             cli_metric_name(training->options->run.metric), at->valid_value,
             at->best_epoch == at->epoch ? " (best)" : "");
  cli_remark("%s %d/%d  %s%s  %.0f seq/s  %.1f s", cli_training_phase(training), (int)at->epoch,
             (int)at->epochs, losses, metric, rate, seconds);
  json_t *const object = epoch_as_object(training, seconds, rate, measured ? &valid : NULL);
  const int code = cli_log_append(training, object);
  if (training->options->json)
    cli_json_print(object);
  else
    json_decref(object);
  return code;
}
