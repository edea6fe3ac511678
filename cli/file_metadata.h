/* SPDX-License-Identifier: Apache-2.0 */
/* What a safetensors file says about itself. */
#ifndef CLI_FILE_METADATA_H
#define CLI_FILE_METADATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct cli_file_metadata {
  json_t *pairs; /* text by key; never NULL */
  bool state;    /* the file is a training state */
  uint64_t bytes;
} cli_file_metadata;

/* Reads the header of a file that the library has accepted as a model. */
int cli_file_metadata_read(const char *path, cli_file_metadata *metadata);

#endif
