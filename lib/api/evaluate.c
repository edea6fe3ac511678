/* SPDX-License-Identifier: Apache-2.0 */
#include "scoring/evaluate.h"

#include "base/options.h"

int64_t s3rec_rank_excluded(void) { return S3REC_RANK_EXCLUDED; }

void s3rec_evaluate_options_init(s3rec_evaluate_options *options) {
  *options = (s3rec_evaluate_options){.struct_size = sizeof *options,
                                      .split = S3REC_SPLIT_TEST,
                                      .protocol = S3REC_PROTOCOL_FULL,
                                      .seen = S3REC_SEEN_EXCLUDE};
}

void s3rec_metrics_init(s3rec_metrics *metrics) {
  *metrics = (s3rec_metrics){.struct_size = sizeof *metrics};
}

static s3rec_status check_choice(const char *field, int value, int last) {
  if (value >= 1 && value <= last) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_evaluate_options.%s is %d, must be 1..%d", field,
                 value, last);
}

s3rec_status s3rec_evaluate(s3rec_model *model, const s3rec_dataset *dataset,
                            const s3rec_evaluate_options *options, s3rec_metrics *metrics,
                            int64_t *ranks) {
  S3_REQUIRE(model);
  S3_REQUIRE(dataset);
  S3_REQUIRE(metrics);
  s3rec_evaluate_options resolved;
  s3rec_evaluate_options_init(&resolved);
  if (options != NULL) {
    S3_TRY(s3_options_copy(&resolved, sizeof resolved, options,
                           S3_SIZE_UNTIL(s3rec_evaluate_options, seen), "s3rec_evaluate_options"));
  }
  S3_TRY(check_choice("split", (int)resolved.split, S3REC_SPLIT_TEST));
  S3_TRY(check_choice("protocol", (int)resolved.protocol, S3REC_PROTOCOL_SAMPLED));
  S3_TRY(check_choice("seen", (int)resolved.seen, S3REC_SEEN_INCLUDE));
  S3_TRY(s3_output_check(metrics, S3_SIZE_UNTIL(s3rec_metrics, mrr), "s3rec_metrics"));
  s3rec_metrics measured;
  s3rec_metrics_init(&measured);
  S3_TRY(s3_evaluate(model, dataset, &resolved, &measured, ranks));
  s3_output_write(metrics, &measured, sizeof measured);
  return S3REC_OK;
}
