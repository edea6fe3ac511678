/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool begins_character(char byte) { return ((unsigned char)byte & 0xc0) != 0x80; }

void cli_plain_text(const char *text, char *plain, size_t capacity) {
  const size_t length = strlen(text);
  size_t kept = length;
  if (length >= capacity)
    for (kept = capacity - sizeof "..."; kept > 0 && !begins_character(text[kept]);) kept--;
  memmove(plain, text, kept);
  strcpy(plain + kept, kept < length ? "..." : "");
  for (unsigned char *c = (unsigned char *)plain; *c != '\0'; c++) {
    if (*c < 0x20 || *c == 0x7f) *c = '?';
    if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) c[0] = c[1] = '?'; /* both bytes */
  }
}

void cli_write_field(FILE *stream, const char *text) {
  for (; *text != '\0'; text++) switch (*text) {
      case '\\':
        fputs("\\\\", stream);
        break;
      case '\t':
        fputs("\\t", stream);
        break;
      case '\n':
        fputs("\\n", stream);
        break;
      case '\r':
        fputs("\\r", stream);
        break;
      default:
        fputc(*text, stream);
    }
}

void cli_json_print(json_t *object) {
  json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
  putchar('\n');
  fflush(stdout);
  json_decref(object);
}

json_t *cli_json_uint64(uint64_t value) {
  if (value <= INT64_MAX) return json_integer((json_int_t)value);
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  return json_string(text);
}

json_t *cli_json_text(const char *text) {
  json_t *string = json_string(text);
  if (string != NULL) return string;
  char *const plain = strdup(text);
  if (plain == NULL) return NULL;
  for (char *c = plain; *c != '\0'; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  string = json_string(plain);
  free(plain);
  return string;
}

const char *cli_split_name(s3rec_split split) {
  return split == S3REC_SPLIT_VALID ? "valid" : "test";
}

const char *cli_protocol_name(s3rec_protocol protocol) {
  return protocol == S3REC_PROTOCOL_SAMPLED ? "sampled" : "full";
}

const char *cli_seen_name(s3rec_seen_policy seen) {
  return seen == S3REC_SEEN_ZERO ? "zero" : seen == S3REC_SEEN_INCLUDE ? "include" : "exclude";
}

const char *cli_activation_name(s3rec_activation activation) {
  return activation == S3REC_RELU ? "relu" : activation == S3REC_SWISH ? "swish" : "gelu";
}

json_t *cli_json_config(const s3rec_model_config *config) {
  return json_pack(
      "{s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:f, s:f}", "item_size", (int)config->item_size,
      "attribute_size", (int)config->attribute_size, "max_seq_length", (int)config->max_seq_length,
      "hidden_size", (int)config->hidden_size, "num_hidden_layers", (int)config->num_hidden_layers,
      "num_attention_heads", (int)config->num_attention_heads, "hidden_act",
      cli_activation_name(config->hidden_act), "hidden_dropout_prob", config->hidden_dropout_prob,
      "attention_probs_dropout_prob", config->attention_probs_dropout_prob, "initializer_range",
      config->initializer_range);
}

json_t *cli_json_metrics(const s3rec_metrics *metrics) {
  return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
                   "split", cli_split_name(metrics->split), "protocol",
                   cli_protocol_name(metrics->protocol), "seen", cli_seen_name(metrics->seen),
                   "ties", CLI_TIE_RULE, "users", (json_int_t)metrics->user_count, "skipped",
                   (json_int_t)metrics->skipped_count, "version", s3rec_version(), "hr@1",
                   metrics->hit_rate[0], "hr@5", metrics->hit_rate[1], "hr@10",
                   metrics->hit_rate[2], "hr@20", metrics->hit_rate[3], "ndcg@5", metrics->ndcg[0],
                   "ndcg@10", metrics->ndcg[1], "ndcg@20", metrics->ndcg[2], "mrr", metrics->mrr);
}

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
