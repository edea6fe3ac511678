/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "training_log.h"

static double mean(double sum, uint64_t count) { return count == 0 ? 0 : sum / (double)count; }

void cli_losses_text(const cli_training *training, char *text, size_t capacity) {
  const cli_sums *const sums = &training->sums;
  const uint64_t n = sums->sequences;
  if (training->options->command->bit == CLI_PRETRAIN)
    snprintf(text, capacity, "loss %.4f  aap %.4f  mip %.4f  map %.4f  sp %.4f",
             mean(sums->total, n), mean(sums->aap, n), mean(sums->mip, n), mean(sums->map, n),
             mean(sums->sp, n));
  else
    snprintf(text, capacity, "loss %.4f", mean(sums->next_item, sums->targets));
}

/* One epoch as an object: losses are means per sequence in pretraining, per
 * target in fine-tuning. */
static json_t *describe(const cli_training *training, double seconds, const s3rec_metrics *valid) {
  const cli_sums *const sums = &training->sums;
  const uint64_t n = sums->sequences;
  json_t *const object = json_pack(
      "{s:s, s:s, s:o, s:i, s:o, s:o, s:o, s:f, s:f}", "event",
      training->refit_epochs > 0 ? "refit" : "epoch", "command", training->options->command->name,
      "epoch", cli_json_uint64(training->epoch + 1), "epochs", (int)cli_training_epochs(training),
      "sequences", cli_json_uint64(n), "tokens", cli_json_uint64(sums->tokens), "targets",
      cli_json_uint64(sums->targets), "seconds", seconds, "sequences_per_second",
      seconds > 0 ? (double)training->epoch_sequences / seconds : 0.0);
  if (training->options->command->bit == CLI_PRETRAIN) {
    json_object_set_new(object, "loss", json_real(mean(sums->total, n)));
    json_object_set_new(object, "aap", json_real(mean(sums->aap, n)));
    json_object_set_new(object, "mip", json_real(mean(sums->mip, n)));
    json_object_set_new(object, "map", json_real(mean(sums->map, n)));
    json_object_set_new(object, "sp", json_real(mean(sums->sp, n)));
  } else {
    json_object_set_new(object, "loss", json_real(mean(sums->next_item, sums->targets)));
  }
  if (valid != NULL) {
    json_object_set_new(object, "valid", cli_json_metrics(valid));
    json_object_set_new(object, "best_epoch", json_integer(training->best.epoch));
  }
  return object;
}

int cli_report_epoch(cli_training *training, const s3rec_metrics *valid) {
  const double seconds = cli_now() - training->epoch_begun;
  char losses[160], metric[96] = "";
  cli_losses_text(training, losses, sizeof losses);
  if (valid != NULL) {
    const cli_options *const options = training->options;
    snprintf(metric, sizeof metric, "  valid %s %.4f%s",
             cli_stop_metrics[options->stop_metric].word, cli_metric(valid, options->stop_metric),
             training->best.waited == 0 ? " (best)" : "");
  }
  cli_remark("%s %" PRIu64 "/%d  %s%s  %.0f seq/s  %.1f s", cli_training_phase(training),
             training->epoch + 1, (int)cli_training_epochs(training), losses, metric,
             seconds > 0 ? (double)training->epoch_sequences / seconds : 0.0, seconds);
  json_t *const object = describe(training, seconds, valid);
  const int code = cli_log_append(training, object);
  if (training->options->json)
    cli_json_print(object);
  else
    json_decref(object);
  return code;
}

static void print_quoted(const char *text) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,=";
  if (text[strspn(text, plain)] == '\0') {
    fprintf(stderr, " %s", text);
    return;
  }
  fputs(" '", stderr);
  for (const char *c = text; *c != '\0'; c++)
    if (*c == '\'')
      fputs("'\\''", stderr);
    else
      fputc(*c, stderr);
  fputc('\'', stderr);
}

static void print_list(const cli_option *option, const cli_options *options) {
  cli_list list;
  memcpy(&list, (const char *)options + option->offset, sizeof list);
  for (size_t i = 0; i < list.count; i++) {
    fprintf(stderr, " --%s", option->name);
    print_quoted(list.values[i]);
  }
}

void cli_print_resume(const cli_training *training) {
  const cli_options *const options = training->options;
  fprintf(stderr, "go on with:\n  s3rec %s", options->command->name);
  for (size_t i = 0; i < cli_option_count; i++) {
    const cli_option *const option = &cli_option_table[i];
    /* What the state records it brings along. */
    if (!options->given[i] || option->recorded || strcmp(option->name, "model") == 0 ||
        strcmp(option->name, "resume") == 0 || strcmp(option->name, "state") == 0)
      continue;
    if (option->kind == CLI_LIST) {
      print_list(option, options);
      continue;
    }
    fprintf(stderr, " --%s", option->name);
    if (option->kind == CLI_FLAG) continue;
    char value[4096];
    cli_option_print(option, options, value, sizeof value);
    print_quoted(value);
  }
  fputs(" --resume", stderr);
  print_quoted(training->state_path);
  fputc('\n', stderr);
}
