/* SPDX-License-Identifier: Apache-2.0 */
/* What commands print: text of files, JSON objects, metrics. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"

/* Names come from files: they can be long and can hold any bytes. */

/* Copies a text of UTF-8. Control characters become '?', so that a name cannot control the
 * terminal. A text that does not fit is cut between two characters and ends with "...". `plain` may
 * be `text`. */
void cli_plain_text(const char *text, char *plain, size_t capacity);

/* Writes a text as a field of a TSV file: backslash, tab, line feed and carriage return become
 * \\, \t, \n and \r. */
void cli_write_field(FILE *stream, const char *text);

/* Prints one object as one line to stdout and releases it. */
void cli_json_print(json_t *object);

/* JSON integers are at most 2^63 - 1; larger values become text. */
json_t *cli_json_uint64(uint64_t value);

/* A JSON string of any text. JSON holds only UTF-8; other bytes become '?'. */
json_t *cli_json_text(const char *text);

/* Metrics, and how they were measured: split, protocol, seen policy, tie rule, users. */
json_t *cli_json_metrics(const s3rec_metrics *metrics);
json_t *cli_json_config(const s3rec_model_config *config);

const char *cli_split_name(s3rec_split split);
const char *cli_protocol_name(s3rec_protocol protocol);
const char *cli_seen_name(s3rec_seen_policy seen);
const char *cli_activation_name(s3rec_activation activation);

/* How equal scores are ranked, in every protocol. */
#define CLI_TIE_RULE "lower id first"

/* Prints a table of the metrics to stdout, with how they were measured. */
void cli_print_metrics(const s3rec_metrics *metrics, const char *title);

#endif
