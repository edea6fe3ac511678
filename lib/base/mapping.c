/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mapping.h"

#include <sys/mman.h>

void s3_mapping_release(s3_mapping *mapping) {
  if (mapping->address != NULL) munmap(mapping->address, mapping->byte_count);
  *mapping = (s3_mapping){NULL, 0};
}
