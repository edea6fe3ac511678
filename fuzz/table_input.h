/* SPDX-License-Identifier: Apache-2.0 */
/* A table of rows out of an input: eight bytes that choose how it is read, then the file. The
 * digit 0 is every first choice, so that an input can be written by hand: "00000000a,b\n". */
#ifndef S3_FUZZ_TABLE_INPUT_H
#define S3_FUZZ_TABLE_INPUT_H

#include "support.h"

typedef struct table_input {
  const uint8_t *content;
  size_t size;
  bool is_gzip; /* the content itself is compressed */
  const char *name;
  size_t gzip_parts; /* 0: written as it is */
  s3rec_table_options options;
  s3rec_events_options selection;
  bool strict;
} table_input;

table_input table_input_make(const uint8_t *data, size_t size);
/* Writes a piece of the content to a file, which the input's options describe. */
const char *table_input_write(const table_input *input, size_t begin, size_t end);

/* Reads the input into a table, and claims of the report what always holds, and that memory stays
 * in proportion to the content; under strict limits, to what a packed file may become. */
typedef s3rec_status (*table_read_function)(s3rec_events *events, const char *path,
                                            const s3rec_table_options *options,
                                            s3rec_table_report *report);
bool table_input_read(const table_input *input, s3rec_events *events, table_read_function read,
                      s3rec_table_report *report);

/* Claims of a dataset what always holds, and gives its fingerprint. */
uint64_t check_dataset(const s3rec_dataset *dataset);

#endif
