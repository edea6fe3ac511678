/* SPDX-License-Identifier: Apache-2.0 */
#include "base/context.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/json_reader.h"
#include "base/options.h"
#include "dnnl/engine.h"
#include "kernels/kernels.h"
#include "s3rec/dataset.h"
#include "s3rec/version.h"

/* Item tables of millions of floats in large pages: the first touch of small ones
 * takes longer than the copying of what they hold. Smaller blocks may come from the
 * heap, which such an alignment would fragment. */
enum { LARGE_BLOCK = 32 << 20, LARGE_PAGE = 2 << 20 };

static void *default_allocate(size_t size, size_t alignment, void *user_data) {
  (void)user_data;
  void *memory = NULL;
  if (size < LARGE_BLOCK) return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
  if (posix_memalign(&memory, LARGE_PAGE, size) != 0) return NULL;
#ifdef MADV_HUGEPAGE
  madvise(memory, size, MADV_HUGEPAGE); /* a wish: without it all works too */
#endif
  return memory;
}

static void default_deallocate(void *memory, size_t size, void *user_data) {
  (void)size;
  (void)user_data;
  free(memory);
}

void s3rec_context_options_init(s3rec_context_options *options) {
  *options = (s3rec_context_options){
      .struct_size = sizeof *options,
      .thread_count = 1,
      .kernel_level = S3REC_KERNELS_AUTO,
      .backend = S3REC_BACKEND_AUTO,
  };
}

void s3rec_limits_init(s3rec_limits *limits) {
  *limits = (s3rec_limits){.struct_size = sizeof *limits,
                           .file_bytes = UINT64_C(1) << 40,
                           .row_bytes = 1 << 24,
                           .rows = UINT64_C(1) << 40,
                           .items = S3REC_MAX_ITEM_ID,
                           .tensors = 1 << 20,
                           .header_bytes = 100 * 1000 * 1000,
                           .json_depth = 64,
                           .expansion = 1100,
                           .id_spread = 1000};
}

void s3rec_limits_init_strict(s3rec_limits *limits) {
  *limits = (s3rec_limits){.struct_size = sizeof *limits,
                           .file_bytes = 1 << 30,
                           .row_bytes = 1 << 16,
                           .rows = 1 << 22,
                           .items = 1 << 20,
                           .tensors = 1 << 12,
                           .header_bytes = 1 << 22,
                           .json_depth = 16,
                           .expansion = 100,
                           .id_spread = 10};
}

static s3rec_status check_limit(const char *name, uint64_t value, uint64_t most) {
  if (value >= 1 && value <= most) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_limits.%s is %" PRIu64 ", must be 1..%" PRIu64, name,
                 value, most);
}

static s3rec_status check_small_limit(const char *name, int32_t value, int32_t most) {
  if (value >= 1 && value <= most) return S3REC_OK;
  return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_limits.%s is %d, must be 1..%d", name, (int)value,
                 (int)most);
}

static s3rec_status copy_limits(const s3rec_limits *limits, s3rec_limits *copy) {
  s3rec_limits_init(copy);
  if (limits == NULL) return S3REC_OK;
  S3_TRY(s3_options_copy(copy, sizeof *copy, limits, S3_SIZE_UNTIL(s3rec_limits, id_spread),
                         "s3rec_limits"));
  S3_TRY(check_limit("file_bytes", copy->file_bytes, INT64_MAX));
  S3_TRY(check_limit("row_bytes", copy->row_bytes, 1 << 30));
  S3_TRY(check_limit("rows", copy->rows, INT64_MAX));
  S3_TRY(check_limit("items", copy->items, S3REC_MAX_ITEM_ID));
  S3_TRY(check_limit("tensors", copy->tensors, UINT32_MAX));
  S3_TRY(check_limit("header_bytes", copy->header_bytes, 100 * 1000 * 1000));
  S3_TRY(check_small_limit("json_depth", copy->json_depth, S3_JSON_DEEPEST));
  S3_TRY(check_small_limit("expansion", copy->expansion, INT32_MAX));
  return check_small_limit("id_spread", copy->id_spread, INT32_MAX);
}

static s3rec_status check_options(const s3rec_context_options *options) {
  if ((options->allocate == NULL) != (options->deallocate == NULL)) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_context_options: set allocate and deallocate together; only %s is set",
                   options->allocate != NULL ? "allocate" : "deallocate");
  }
  if (options->thread_count < 1 || options->thread_count > 256) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_context_options.thread_count is %d, must be 1..256",
                   options->thread_count);
  }
  const int level = (int)options->kernel_level;
  if (level < S3REC_KERNELS_AUTO || level > S3REC_KERNELS_AVX512) {
    return s3_fail(S3REC_ERROR_ARGUMENT,
                   "s3rec_context_options.kernel_level is %d, must be %d..%d", level,
                   S3REC_KERNELS_AUTO, S3REC_KERNELS_AVX512);
  }
  const int backend = (int)options->backend;
  if (backend < S3REC_BACKEND_AUTO || backend > S3REC_BACKEND_ONEDNN) {
    return s3_fail(S3REC_ERROR_ARGUMENT, "s3rec_context_options.backend is %d, must be %d..%d",
                   backend, S3REC_BACKEND_AUTO, S3REC_BACKEND_ONEDNN);
  }
  return S3REC_OK;
}

/* Leaves nothing at AUTO. */
static s3rec_status resolve_options(s3rec_context_options *options,
                                    const s3_kernels **kernels) {
  *kernels = s3_kernels_get(options->kernel_level);
  if (*kernels == NULL) {
    return s3_fail(S3REC_ERROR_UNSUPPORTED,
                   "s3rec_context_options.kernel_level is %d, but this build on this machine "
                   "has levels up to %d",
                   (int)options->kernel_level, (int)s3_kernels_best());
  }
  options->kernel_level = (*kernels)->level;
  if (options->backend == S3REC_BACKEND_AUTO) options->backend = S3REC_BACKEND_FUSED;
  if (options->allocate == NULL) {
    options->allocate = default_allocate;
    options->deallocate = default_deallocate;
  }
  return S3REC_OK;
}

static void log_choices(const s3rec_context *context) {
  const s3rec_context_options *options = &context->options;
  if (options->log == NULL) return;
  char dnnl[128];
  s3_dnnl_describe(dnnl, sizeof dnnl);
  s3_log(context, S3REC_LOG_INFO, "s3rec %s; %s; kernels %s, backend %s, threads: %d",
         s3rec_version(), dnnl, s3_kernel_level_name(options->kernel_level),
         options->backend == S3REC_BACKEND_FUSED ? "fused" : "onednn",
         (int)options->thread_count);
}

s3rec_status s3rec_context_create(const s3rec_context_options *options,
                                  s3rec_context **context) {
  S3_REQUIRE(context);
  s3rec_context_options resolved;
  s3rec_context_options_init(&resolved);
  if (options != NULL) {
    S3_TRY(s3_options_copy(&resolved, sizeof resolved, options,
                           S3_SIZE_UNTIL(s3rec_context_options, limits), "s3rec_context_options"));
  }
  S3_TRY(check_options(&resolved));
  s3rec_limits limits;
  S3_TRY(copy_limits(resolved.limits, &limits));
  const s3_kernels *kernels;
  S3_TRY(resolve_options(&resolved, &kernels));
  S3_TRY(s3_dnnl_check());

  s3rec_context *created = resolved.allocate(sizeof *created, _Alignof(max_align_t),
                                             resolved.allocator_user_data);
  if (created == NULL) {
    return s3_fail(S3REC_ERROR_MEMORY, "no memory for %zu bytes", sizeof *created);
  }
  memset(created, 0, sizeof *created);
  atomic_init(&created->references, 1);
  created->options = resolved;
  created->options.limits = NULL; /* the caller's may be gone */
  created->limits = limits;
  created->kernels = kernels;
  log_choices(created);
  *context = created;
  return S3REC_OK;
}

void s3rec_context_destroy(s3rec_context *context) {
  if (context != NULL) s3_context_release(context);
}

s3rec_kernel_level s3rec_context_kernel_level(const s3rec_context *context) {
  return context == NULL ? S3REC_KERNELS_AUTO : context->options.kernel_level;
}

s3rec_backend s3rec_context_backend(const s3rec_context *context) {
  return context == NULL ? S3REC_BACKEND_AUTO : context->options.backend;
}
