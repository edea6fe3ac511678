/* SPDX-License-Identifier: Apache-2.0 */
#include "file_metadata.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* The header: its length as 8 bytes, little-endian, then JSON. */
static char *read_header(FILE *stream, uint64_t file_size, size_t *length) {
  unsigned char prefix[8];
  if (fread(prefix, 1, sizeof prefix, stream) != sizeof prefix) return NULL;
  uint64_t size = 0;
  for (int i = 7; i >= 0; i--) size = size << 8 | prefix[i];
  if (size > file_size - sizeof prefix) return NULL;
  char *const text = malloc((size_t)size + 1);
  if (text == NULL) return NULL;
  if (fread(text, 1, (size_t)size, stream) != size) {
    free(text);
    return NULL;
  }
  *length = (size_t)size;
  return text;
}

int cli_file_metadata_read(const char *path, cli_file_metadata *metadata) {
  struct stat status;
  FILE *const stream = fopen(path, "rb");
  if (stream == NULL || fstat(fileno(stream), &status) != 0) {
    const int cause = errno;
    if (stream != NULL) fclose(stream);
    return cli_fail(CLI_FAILURE, "%s: cannot be read: %s", path, strerror(cause));
  }
  size_t length = 0;
  char *const text = read_header(stream, (uint64_t)status.st_size, &length);
  fclose(stream);
  json_t *const header = text == NULL ? NULL : json_loadb(text, length, 0, NULL);
  free(text);
  if (header == NULL) return cli_fail(CLI_BAD_DATA, "%s: has no readable header", path);
  *metadata = (cli_file_metadata){.bytes = (uint64_t)status.st_size};
  metadata->pairs = json_incref(json_object_get(header, "__metadata__"));
  if (metadata->pairs == NULL) metadata->pairs = json_object();
  const char *name;
  json_t *tensor;
  /* Tensors beside the model's own are the optimizer's: docs/file-format.md. */
  json_object_foreach(header, name, tensor) {
    if (strncmp(name, "state.", 6) == 0) metadata->state = true;
  }
  json_decref(header);
  return CLI_OK;
}
