/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_BASE_MAPPING_H
#define S3_BASE_MAPPING_H

#include <stddef.h>

/* Pages of the process's own, given back by s3_mapping_release. */
typedef struct s3_mapping {
  void *address; /* NULL: nothing is mapped */
  size_t byte_count;
} s3_mapping;

void s3_mapping_release(s3_mapping *mapping);

#endif
