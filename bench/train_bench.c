/* SPDX-License-Identifier: Apache-2.0 */
/* Time of training steps with sampling, compared with the floor of their matrix products. Windows
 * of steps and windows of products alternate, so that both have the same conditions. Ratios are
 * taken window by window. */
#include <stdio.h>

#include "bench.h"

typedef struct training {
  bench_workload work;
  s3rec_stage stage;
  s3rec_finetune_loss loss;
  s3rec_model_config config;
  s3rec_sampler *sampler;
  s3rec_batch *batch;
  s3rec_trainer *trainer;
  size_t steps_per_epoch;
} training;

/* The time and the work of a window of steps. */
typedef struct window {
  size_t steps;
  double seconds, tokens, sequences;
  flop_count flops; /* of all its steps */
} window;

static void training_destroy(training *t) {
  s3rec_trainer_destroy(t->trainer);
  s3rec_batch_destroy(t->batch);
  s3rec_sampler_destroy(t->sampler);
  workload_destroy(&t->work);
}

static int training_create(const bench_settings *settings, s3rec_stage stage,
                           s3rec_finetune_loss loss, training *t) {
  s3rec_sampler_options sampling;
  s3rec_trainer_options options;
  *t = (training){.stage = stage, .loss = loss};
  if (workload_create(settings, &t->work) != 0) return 1;
  s3rec_model_config_init(&t->config);
  s3rec_sampler_options_init(&sampling, stage);
  if (settings->batch_size > 0) sampling.batch_size = settings->batch_size;
  s3rec_trainer_options_init(&options);
  options.finetune_loss = loss;
  options.shard_count = settings->shard_count;
  if (s3rec_model_config_get(t->work.model, &t->config) == S3REC_OK &&
      s3rec_sampler_create(t->work.dataset, &sampling, &t->sampler) == S3REC_OK &&
      s3rec_sampler_epoch_size(t->sampler, NULL, &t->steps_per_epoch) == S3REC_OK &&
      s3rec_batch_create(t->work.context, &t->batch) == S3REC_OK &&
      s3rec_trainer_create(t->work.model, &options, &t->trainer) == S3REC_OK) {
    return 0;
  }
  training_destroy(t);
  return bench_fail("trainer");
}

static s3rec_status step(training *t, s3rec_losses *losses) {
  const s3rec_status status = s3rec_sampler_next(t->sampler, t->batch);
  if (status != S3REC_OK) return status;
  return t->stage == S3REC_STAGE_PRETRAIN ? s3rec_pretrain_step(t->trainer, t->batch, losses)
                                          : s3rec_finetune_step(t->trainer, t->batch, losses);
}

/* Runs `steps` steps; if it is 0, runs at least one step, until `seconds` have passed. */
static s3rec_status run_window(training *t, size_t steps, double seconds, window *w) {
  s3rec_losses losses;
  *w = (window){0};
  s3rec_losses_init(&losses);
  while (steps > 0 ? w->steps < steps : w->steps == 0 || w->seconds < seconds) {
    const double begin = bench_clock();
    const s3rec_status status = step(t, &losses);
    if (status != S3REC_OK) return status;
    w->seconds += bench_clock() - begin; /* counting FLOP is not part of a step */
    const flop_count flops = t->stage == S3REC_STAGE_PRETRAIN
                                 ? flop_pretrain(&t->config, t->batch)
                                 : flop_finetune(&t->config, t->batch, t->loss);
    w->steps++;
    w->tokens += (double)losses.token_count;
    w->sequences += (double)losses.sequence_count;
    w->flops.linear += flops.linear;
    w->flops.attention += flops.attention;
    w->flops.heads += flops.heads;
    w->flops.logits += flops.logits;
  }
  return S3REC_OK;
}

static void report_flops(const bench_settings *settings, const window *total) {
  const double steps = (double)total->steps * 1e9;
  report_number(settings, "step_gflop", flop_total(&total->flops) / steps);
  report_number(settings, "step_gflop_linear", total->flops.linear / steps);
  report_number(settings, "step_gflop_attention", total->flops.attention / steps);
  if (total->flops.heads > 0) {
    report_number(settings, "step_gflop_heads", total->flops.heads / steps);
  }
  if (total->flops.logits > 0) {
    report_number(settings, "step_gflop_logits", total->flops.logits / steps);
  }
}

static void report_training(const bench_settings *settings, const training *t, const char *name,
                            const window *total, size_t count, double *step_ms, double *floor_ms,
                            double *ratios, double *rates, double peak) {
  report_begin(settings, name);
  report_set_up(settings, t->work.context);
  report_number(settings, "shards", settings->shard_count);
  report_number(settings, "steps", (double)total->steps);
  report_number(settings, "tokens_per_step", total->tokens / (double)total->steps);
  report_flops(settings, total);
  report_spread(settings, "step_ms", step_ms, count);
  report_spread(settings, "sgemm_gflops", rates, count);
  report_spread(settings, "floor_ms", floor_ms, count);
  report_spread(settings, "ratio", ratios, count);
  report_number(settings, "sequences_per_s", total->sequences / total->seconds);
  report_number(settings, "epoch_s",
                bench_median(step_ms, count) * 1e-3 * (double)t->steps_per_epoch);
  report_number(settings, "trainer_mb", (double)s3rec_trainer_memory(t->trainer) * 1e-6);
  report_number(settings, "peak_rss_mb", peak);
  report_end(settings);
}

/* Prints the result, or fills `figures` if it is not NULL. */
static int measure(const bench_settings *settings, training *t, const char *name,
                   step_figures *figures) {
  double step_ms[BENCH_WINDOWS], floor_ms[BENCH_WINDOWS], ratios[BENCH_WINDOWS],
      rates[BENCH_WINDOWS];
  const size_t count =
      settings->steps > 0 && settings->steps < BENCH_WINDOWS ? settings->steps : BENCH_WINDOWS;
  window warm, total = {0};
  if (run_window(t, settings->steps > 0 ? 3 : 0, settings->seconds / 10, &warm) != S3REC_OK) {
    return bench_fail(name);
  }
  const double peak = bench_peak_rss(); /* before the floor's own buffers */
  const size_t rows = (size_t)(warm.tokens / (double)warm.steps);
  const double softmax_items = warm.flops.logits / (3 * 2 * warm.tokens * t->config.hidden_size);
  matmul_floor *floor = floor_create(settings, &t->config, rows, softmax_items);
  if (floor == NULL) return bench_fail("floor");
  for (size_t i = 0; i < count; i++) {
    window w;
    /* Of `steps` steps, window i gets its equal share. */
    const size_t share = settings->steps * (i + 1) / count - settings->steps * i / count;
    const double rate = floor_measure(floor);
    if (rate == 0 || run_window(t, share, settings->seconds / (double)count, &w) != S3REC_OK) {
      floor_destroy(floor);
      return bench_fail(name);
    }
    const double steps = (double)w.steps;
    rates[i] = rate * 1e-9;
    step_ms[i] = w.seconds / steps * 1e3;
    floor_ms[i] = flop_total(&w.flops) / steps / rate * 1e3;
    ratios[i] = step_ms[i] / floor_ms[i];
    total.steps += w.steps;
    total.seconds += w.seconds;
    total.tokens += w.tokens;
    total.sequences += w.sequences;
    total.flops.linear += w.flops.linear;
    total.flops.attention += w.flops.attention;
    total.flops.heads += w.flops.heads;
    total.flops.logits += w.flops.logits;
  }
  floor_destroy(floor);
  if (figures != NULL) {
    figures->tokens = total.tokens / (double)total.steps;
    figures->step_ms = bench_median(step_ms, count);
    figures->floor_ms = bench_median(floor_ms, count);
    figures->ratio = bench_median(ratios, count);
  } else {
    report_training(settings, t, name, &total, count, step_ms, floor_ms, ratios, rates, peak);
  }
  return 0;
}

static int bench_training(const bench_settings *settings, s3rec_stage stage,
                          s3rec_finetune_loss loss, const char *name, step_figures *figures) {
  training t;
  if (training_create(settings, stage, loss, &t) != 0) return 1;
  const int result = measure(settings, &t, name, figures);
  training_destroy(&t);
  return result;
}

int bench_steps(const bench_settings *settings, s3rec_stage stage, step_figures *figures) {
  return bench_training(settings, stage, S3REC_LOSS_CE, "growth", figures);
}

int bench_pretrain(const bench_settings *settings) {
  return bench_training(settings, S3REC_STAGE_PRETRAIN, S3REC_LOSS_CE, "pretrain", NULL);
}

int bench_finetune(const bench_settings *settings) {
  static const s3rec_finetune_loss losses[] = {S3REC_LOSS_CE, S3REC_LOSS_SAMPLED_CE,
                                               S3REC_LOSS_BCE};
  static const char *const names[] = {"finetune_ce", "finetune_sampled_ce", "finetune_bce"};
  for (size_t i = 0; i < 3; i++) {
    const int result =
        bench_training(settings, S3REC_STAGE_FINETUNE, losses[i], names[i], NULL);
    if (result != 0) return result;
  }
  return 0;
}
