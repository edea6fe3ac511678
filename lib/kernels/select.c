/* SPDX-License-Identifier: Apache-2.0 */
/* Picks a level at run time. Compiled once, for the target's baseline. */
#include "kernels/kernels.h"

extern const s3_kernels s3_kernels_baseline;

#ifdef S3_HAVE_X86_LEVELS
extern const s3_kernels s3_kernels_avx2, s3_kernels_avx512;

/* cpuid is asked through the compiler's run-time library, which also checks that
 * the operating system saves the wide registers. */
static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
}
static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512vnni");
}
#endif

const s3_kernels *s3_kernels_get(s3rec_kernel_level level) {
  if (level == S3REC_KERNELS_AUTO) level = s3_kernels_best();
  if (level == S3REC_KERNELS_BASELINE) return &s3_kernels_baseline;
#ifdef S3_HAVE_X86_LEVELS
  if (level == S3REC_KERNELS_AVX2 && has_avx2()) return &s3_kernels_avx2;
  if (level == S3REC_KERNELS_AVX512 && has_avx512()) return &s3_kernels_avx512;
#endif
  return NULL;
}

s3rec_kernel_level s3_kernels_best(void) {
#ifdef S3_HAVE_X86_LEVELS
  if (has_avx512()) return S3REC_KERNELS_AVX512;
  if (has_avx2()) return S3REC_KERNELS_AVX2;
#endif
  return S3REC_KERNELS_BASELINE;
}

const char *s3_kernel_level_name(s3rec_kernel_level level) {
  switch (level) {
    case S3REC_KERNELS_AUTO: return "auto";
    case S3REC_KERNELS_BASELINE: return "baseline";
    case S3REC_KERNELS_AVX2: return "avx2";
    case S3REC_KERNELS_AVX512: return "avx512";
  }
  return "unknown";
}

size_t s3_attention_scratch(size_t max_length, size_t head_size) {
  return (head_size + 2 * max_length) * S3_KEPT_STRIDE(max_length);
}
