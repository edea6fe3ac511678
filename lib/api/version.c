/* SPDX-License-Identifier: Apache-2.0 */
#include "s3rec/version.h"

#include <stdio.h>

#include "dnnl/engine.h"
#include "kernels/kernels.h"

#define TEXT_OF(macro) TEXT(macro)
#define TEXT(token) #token

const char *s3rec_version(void) {
  return TEXT_OF(S3REC_VERSION_MAJOR) "." TEXT_OF(S3REC_VERSION_MINOR) "." TEXT_OF(
      S3REC_VERSION_PATCH);
}

int s3rec_abi_version(void) { return S3REC_ABI_VERSION; }

int s3rec_build_info(char *text, int capacity) {
  char dnnl[128];
  s3_dnnl_describe(dnnl, sizeof dnnl);
#ifdef S3_HAVE_X86_LEVELS
  const char *const levels = "baseline avx2 avx512";
#else
  const char *const levels = "baseline";
#endif
  return snprintf(text, capacity > 0 ? (size_t)capacity : 0,
                  "s3rec %s; %s; kernels: %s; this machine: %s", s3rec_version(), dnnl, levels,
                  s3_kernel_level_name(s3_kernels_best()));
}
