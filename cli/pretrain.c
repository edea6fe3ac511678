/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec pretrain */
#include <inttypes.h>
#include <stdio.h>

#include "json_output.h"
#include "training.h"

static int finish(const cli_training *training) {
  const cli_options *const options = training->options;
  const s3rec_status status = s3rec_model_save(training->model, options->out);
  if (status != S3REC_OK) return cli_fail_status(status);
  if (options->json)
    cli_json_print(json_pack("{s:s, s:s, s:o, s:s, s:s}", "event", "done", "command", "pretrain",
                             "epochs", cli_json_uint64(training->epoch), "model", options->out,
                             "state", training->state_path));
  else
    printf("model written to %s after %" PRIu64 " epochs\n", options->out, training->epoch);
  return CLI_OK;
}

static int run(cli_training *training, cli_options *options) {
  CLI_TRY(cli_training_open(training, options));
  if ((uint64_t)options->epochs < training->epoch)
    return cli_usage(options, "--epochs is %d, but the state has done %" PRIu64 " already",
                     (int)options->epochs, training->epoch);
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
