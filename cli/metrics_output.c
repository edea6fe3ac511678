/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics_output.h"

#include <stdio.h>

#include "json_output.h"

void cli_print_metrics(const s3rec_metrics *metrics, const char *title) {
  printf("%s\n", title);
  printf("  split %s, protocol %s", cli_split_name(metrics->split),
         cli_protocol_name(metrics->protocol));
  if (metrics->protocol == S3REC_PROTOCOL_FULL)
    printf(", seen items: %s", cli_seen_name(metrics->seen));
  printf(", ties: %s\n", CLI_TIE_RULE);
  printf("  %zu users, %zu skipped as too short; s3rec %s\n", metrics->user_count,
         metrics->skipped_count, s3rec_version());
  printf("    HR@1    HR@5   HR@10   HR@20  NDCG@5 NDCG@10 NDCG@20     MRR\n");
  printf("  %6.4f  %6.4f  %6.4f  %6.4f  %6.4f  %6.4f  %6.4f  %6.4f\n", metrics->hit_rate[0],
         metrics->hit_rate[1], metrics->hit_rate[2], metrics->hit_rate[3], metrics->ndcg[0],
         metrics->ndcg[1], metrics->ndcg[2], metrics->mrr);
}
