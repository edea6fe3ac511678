/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec pretrain */
#include <inttypes.h>
#include <stdio.h>

#include "output.h"
#include "training_log.h"

static int finish(const cli_training *training) {
  const cli_options *const options = training->options;
  const s3rec_status status = s3rec_model_save(training->model, options->out);
  if (status != S3REC_OK) return cli_fail_status(status);
  json_t *const done =
      json_pack("{s:s, s:s, s:o, s:o, s:o}", "event", "done", "command", "pretrain", "epochs",
                cli_json_uint64(training->epoch), "model", cli_json_text(options->out), "state",
                cli_json_text(training->state_path));
  const int code = cli_log_append(training, done);
  if (options->json)
    cli_json_print(done);
  else
    json_decref(done);
  if (!options->json)
    printf("model written to %s after %" PRIu64 " epochs\n", options->out, training->epoch);
  return code;
}

static int run(cli_training *training, cli_options *options) {
  CLI_TRY(cli_training_open(training, options));
  if ((uint64_t)options->epochs < training->epoch)
    return cli_usage(options, "--epochs is %d, but the state has done %" PRIu64 " already",
                     (int)options->epochs, training->epoch);
  CLI_TRY(cli_log_begin(training));
  while (training->epoch < (uint64_t)options->epochs) {
    CLI_TRY(cli_training_run_epoch(training));
    CLI_TRY(cli_report_epoch(training, NULL));
    const bool last = training->epoch + 1 == (uint64_t)options->epochs;
    CLI_TRY(cli_training_next_epoch(training, false, last));
  }
  return finish(training);
}

int cli_pretrain(cli_options *options) {
  cli_training training;
  const int code = run(&training, options);
  cli_training_close(&training);
  return code;
}
