/* SPDX-License-Identifier: Apache-2.0 */
/* A program of somebody else: knows nothing but what pkg-config says. */
#include <s3rec/s3rec.h>
#include <stdio.h>

int main(void) {
  s3rec_context *context = NULL;
  char line[256];
  if (s3rec_abi_version() != S3REC_ABI_VERSION) return 1;
  if (s3rec_context_create(NULL, &context) != S3REC_OK) {
    fprintf(stderr, "%s\n", s3rec_last_error());
    return 1;
  }
  s3rec_build_info(line, sizeof line);
  printf("%s\n%s\n", s3rec_version(), line);
  s3rec_context_destroy(context);
  return 0;
}
