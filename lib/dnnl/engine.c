/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_DEFAULT */
#endif
#include "dnnl/engine.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "dnnl/status.h"

s3rec_status s3_dnnl_check(void) {
  const dnnl_version_t *version = dnnl_version();
  if (version->major == DNNL_VERSION_MAJOR) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ENGINE,
                 "oneDNN %d.%d.%d was loaded, but this library was compiled for oneDNN %d.x",
                 version->major, version->minor, version->patch, DNNL_VERSION_MAJOR);
}

static const char *isa_name(dnnl_cpu_isa_t isa) {
  switch ((int)isa) {
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
#if DNNL_VERSION_MAJOR >= 3
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx2_vnni_2: return "avx2_vnni_2";
    case dnnl_cpu_isa_avx512_core_fp16: return "avx512_core_fp16";
    case dnnl_cpu_isa_avx512_core_amx_fp16: return "avx512_core_amx_fp16";
#endif
    default: return "default instruction set";
  }
}

static const char *threading_name(unsigned runtime) {
  switch (runtime) {
    case DNNL_RUNTIME_NONE: return "no threading";
    case DNNL_RUNTIME_SEQ: return "sequential";
    case DNNL_RUNTIME_OMP: return "OpenMP";
    case DNNL_RUNTIME_TBB: return "TBB";
    case DNNL_RUNTIME_THREADPOOL: return "thread pool";
    default: return "other threading";
  }
}

void s3_dnnl_describe(char *text, size_t capacity) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, capacity, "oneDNN %d.%d.%d, %s, %s", version->major, version->minor,
           version->patch, isa_name(dnnl_get_effective_cpu_isa()),
           threading_name(version->cpu_runtime));
}

s3rec_status s3_dnnl_status(dnnl_status_t status, const char *operation) {
  switch (status) {
    case dnnl_success: return S3REC_OK;
    case dnnl_out_of_memory:
      return s3_fail(S3REC_ERROR_ENGINE, "oneDNN %s: out of memory", operation);
    case dnnl_invalid_arguments:
      return s3_fail(S3REC_ERROR_ENGINE, "oneDNN %s: invalid arguments", operation);
    case dnnl_unimplemented:
      return s3_fail(S3REC_ERROR_ENGINE, "oneDNN %s: not implemented for this machine", operation);
    case dnnl_runtime_error:
      return s3_fail(S3REC_ERROR_ENGINE,
                     "oneDNN %s: runtime error; it generates machine code, so the process must "
                     "be allowed executable memory (MemoryDenyWriteExecute, SELinux execmem)",
                     operation);
    default:
      return s3_fail(S3REC_ERROR_ENGINE, "oneDNN %s: status %d", operation, (int)status);
  }
}

/* The OpenMP runtime that oneDNN was linked with, if any. It is looked up rather
 * than linked, because a second runtime in a host that has one already costs
 * speed and even correctness. The default scope of the lookup is the one in
 * which oneDNN's own references were bound, also when the host opened this
 * library RTLD_LOCAL, so both see the same runtime.
 *
 * Written once, the same for every caller, and never seen outside: a cache of
 * two lookups that would cost more than the small gemms between them. */
typedef struct openmp_runtime {
  int (*get_max_threads)(void);
  void (*set_num_threads)(int);
} openmp_runtime;
static openmp_runtime openmp;
static pthread_once_t openmp_once = PTHREAD_ONCE_INIT;

static void find_openmp(void) {
  void *get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
  void *set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (get == NULL || set == NULL) return;
  /* ISO C has no conversion from void * to a function pointer; POSIX gives both
   * the same representation. */
  memcpy(&openmp.get_max_threads, &get, sizeof get);
  memcpy(&openmp.set_num_threads, &set, sizeof set);
}

s3_openmp_state s3_openmp_enter(void) {
  pthread_once(&openmp_once, find_openmp);
  if (openmp.set_num_threads == NULL) return (s3_openmp_state){0};
  const s3_openmp_state state = {openmp.get_max_threads()};
  if (state.thread_count != 1) openmp.set_num_threads(1);
  return state;
}

void s3_openmp_leave(s3_openmp_state state) {
  if (state.thread_count > 1) openmp.set_num_threads(state.thread_count);
}
