/* SPDX-License-Identifier: Apache-2.0 */
#include "dnnl/engine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dnnl/compat.h"

s3rec_status s3_dnnl_check(void) {
  const dnnl_version_t *version = dnnl_version();
  if (version->major == DNNL_VERSION_MAJOR) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ENGINE,
                 "oneDNN %d.%d.%d was loaded, but this library was compiled for oneDNN %d.x",
                 version->major, version->minor, version->patch, DNNL_VERSION_MAJOR);
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

/* Without its instruction set: the first who asks oneDNN for that makes it copy texts, which throws
 * when there is no memory. */
void s3_dnnl_describe(char *text, size_t capacity) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, capacity, "oneDNN %d.%d.%d, %s", version->major, version->minor, version->patch,
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
    case dnnl_runtime_error:
      return s3_fail(S3REC_ERROR_ENGINE,
                     "oneDNN %s: %s; it generates machine code, so the process must be allowed "
                     "executable memory (MemoryDenyWriteExecute, SELinux execmem)",
                     operation, status == dnnl_unimplemented ? "unimplemented" : "runtime error");
    default:
      return s3_fail(S3REC_ERROR_ENGINE, "oneDNN %s: status %d", operation, (int)status);
  }
}

s3rec_status s3_dnnl_may_generate(void) {
  const size_t size = (size_t)sysconf(_SC_PAGESIZE);
  void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return s3_fail(S3REC_ERROR_MEMORY, "no memory for %zu bytes", size);
  const int reason = mprotect(page, size, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
  munmap(page, size);
  if (reason == 0) return S3REC_OK;
  if (reason == ENOMEM) return s3_fail(S3REC_ERROR_MEMORY, "no memory for executable pages");
  return s3_fail(S3REC_ERROR_ENGINE,
                 "the backend onednn generates machine code, but this process may not have "
                 "executable memory (MemoryDenyWriteExecute, SELinux execmem); the backend fused "
                 "needs none");
}
