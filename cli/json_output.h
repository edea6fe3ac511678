/* SPDX-License-Identifier: Apache-2.0 */
/* Machine output: JSON objects of what commands measured. */
#ifndef CLI_JSON_OUTPUT_H
#define CLI_JSON_OUTPUT_H

#include <jansson.h>
#include <stdint.h>

#include "s3rec/s3rec.h"

/* Prints one object as one line to stdout and releases it. */
void cli_json_print(json_t *object);

/* JSON integers end at 2^63 - 1; larger values become text. */
json_t *cli_json_uint64(uint64_t value);

/* Text from anywhere; JSON holds UTF-8 only, other bytes become '?'. */
json_t *cli_json_text(const char *text);

/* Metrics with their stamp: protocol, split, seen policy, tie rule, users. */
json_t *cli_json_metrics(const s3rec_metrics *metrics);
json_t *cli_json_config(const s3rec_model_config *config);

const char *cli_split_name(s3rec_split split);
const char *cli_protocol_name(s3rec_protocol protocol);
const char *cli_seen_name(s3rec_seen_policy seen);
const char *cli_activation_name(s3rec_activation activation);

/* How equal scores are ranked, in every protocol. */
#define CLI_TIE_RULE "lower id first"

#endif
