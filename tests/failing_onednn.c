/* SPDX-License-Identifier: Apache-2.0 */
#include "failing_onednn.h"

#include <errno.h>
#include <oneapi/dnnl/dnnl.h>
#include <stddef.h>

static long until_failure; /* 1: the next call fails */
static int failing_kind, failed, pretended_major, pretended_threading = -1, mprotect_error;

static const dnnl_status_t failing_statuses[FAILING_KINDS] = {
    dnnl_out_of_memory, dnnl_invalid_arguments, dnnl_unimplemented, dnnl_runtime_error,
    dnnl_not_required};
const char *const failing_texts[FAILING_KINDS] = {"out of memory", "invalid arguments",
                                                  "unimplemented", "runtime error", "status "};

const int failing_threadings[FAILING_THREADINGS] = {
    DNNL_RUNTIME_NONE, DNNL_RUNTIME_SEQ, DNNL_RUNTIME_OMP,
    DNNL_RUNTIME_TBB, DNNL_RUNTIME_THREADPOOL, 1 << 20};
const char *const failing_threading_names[FAILING_THREADINGS] = {
    "no threading", "sequential", "OpenMP", "TBB", "thread pool", "other threading"};

void failing_onednn_set(long n, int kind) {
  until_failure = n;
  failing_kind = kind;
  failed = 0;
}

int failing_onednn_failed(void) { return failed; }

void failing_onednn_pretend(int major, int threading) {
  pretended_major = major;
  pretended_threading = threading;
}

int failing_onednn_major(void) { return DNNL_VERSION_MAJOR; }

void failing_mprotect_set(int error) { mprotect_error = error; }

static int fails_now(void) {
  if (until_failure > 1) until_failure--;
  else if (until_failure == 1) failed = 1;
  return until_failure == 1 && failed;
}

const dnnl_version_t *__real_dnnl_version(void);
const dnnl_version_t *__wrap_dnnl_version(void);
const dnnl_version_t *__wrap_dnnl_version(void) {
  static dnnl_version_t version;
  if (pretended_threading < 0) return __real_dnnl_version();
  version = *__real_dnnl_version();
  version.major = pretended_major;
  version.cpu_runtime = (unsigned)pretended_threading;
  return &version;
}

int __real_mprotect(void *address, size_t size, int protection);
int __wrap_mprotect(void *address, size_t size, int protection);
int __wrap_mprotect(void *address, size_t size, int protection) {
  if (mprotect_error == 0) return __real_mprotect(address, size, protection);
  errno = mprotect_error;
  return -1;
}

#define MAY_FAIL(name, parameters, arguments)                         \
  dnnl_status_t __real_##name parameters;                             \
  dnnl_status_t __wrap_##name parameters;                             \
  dnnl_status_t __wrap_##name parameters {                            \
    if (fails_now()) return failing_statuses[failing_kind];           \
    return __real_##name arguments;                                   \
  }

MAY_FAIL(dnnl_engine_create, (dnnl_engine_t * made, dnnl_engine_kind_t kind, size_t index),
         (made, kind, index))
MAY_FAIL(dnnl_stream_create, (dnnl_stream_t * made, dnnl_engine_t engine, unsigned flags),
         (made, engine, flags))
MAY_FAIL(dnnl_stream_wait, (dnnl_stream_t stream), (stream))
MAY_FAIL(dnnl_primitive_attr_create, (dnnl_primitive_attr_t * made), (made))
MAY_FAIL(dnnl_primitive_attr_set_scratchpad_mode,
         (dnnl_primitive_attr_t attributes, dnnl_scratchpad_mode_t mode), (attributes, mode))
MAY_FAIL(dnnl_primitive_attr_set_post_ops,
         (dnnl_primitive_attr_t attributes, const_dnnl_post_ops_t post_ops),
         (attributes, post_ops))
MAY_FAIL(dnnl_post_ops_create, (dnnl_post_ops_t * made), (made))
MAY_FAIL(dnnl_primitive_create, (dnnl_primitive_t * made, const_dnnl_primitive_desc_t desc),
         (made, desc))
MAY_FAIL(dnnl_primitive_execute,
         (const_dnnl_primitive_t primitive, dnnl_stream_t stream, int count,
          const dnnl_exec_arg_t *arguments),
         (primitive, stream, count, arguments))
MAY_FAIL(dnnl_memory_set_data_handle, (dnnl_memory_t memory, void *handle), (memory, handle))

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t tensor;

MAY_FAIL(dnnl_memory_desc_create_with_strides,
         (dnnl_memory_desc_t * made, int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
          const dnnl_dims_t strides),
         (made, rank, dims, type, strides))
MAY_FAIL(dnnl_post_ops_append_sum,
         (dnnl_post_ops_t post_ops, float scale, int32_t zero, dnnl_data_type_t type),
         (post_ops, scale, zero, type))
MAY_FAIL(dnnl_post_ops_append_eltwise,
         (dnnl_post_ops_t post_ops, dnnl_alg_kind_t kind, float alpha, float beta),
         (post_ops, kind, alpha, beta))
MAY_FAIL(dnnl_matmul_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, tensor a, tensor b, tensor bias,
          tensor c, const_dnnl_primitive_attr_t attributes),
         (made, engine, a, b, bias, c, attributes))
MAY_FAIL(dnnl_binary_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, dnnl_alg_kind_t kind, tensor a,
          tensor b, tensor dst, const_dnnl_primitive_attr_t attributes),
         (made, engine, kind, a, b, dst, attributes))
MAY_FAIL(dnnl_eltwise_forward_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, dnnl_prop_kind_t use,
          dnnl_alg_kind_t kind, tensor src, tensor dst, float alpha, float beta,
          const_dnnl_primitive_attr_t attributes),
         (made, engine, use, kind, src, dst, alpha, beta, attributes))
MAY_FAIL(dnnl_eltwise_backward_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, dnnl_alg_kind_t kind,
          tensor diff_src, tensor diff_dst, tensor data, float alpha, float beta,
          const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes),
         (made, engine, kind, diff_src, diff_dst, data, alpha, beta, hint, attributes))
MAY_FAIL(dnnl_softmax_forward_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, dnnl_prop_kind_t use,
          dnnl_alg_kind_t kind, tensor src, tensor dst, int axis,
          const_dnnl_primitive_attr_t attributes),
         (made, engine, use, kind, src, dst, axis, attributes))
MAY_FAIL(dnnl_softmax_backward_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, dnnl_alg_kind_t kind,
          tensor diff_src, tensor diff_dst, tensor dst, int axis,
          const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attributes),
         (made, engine, kind, diff_src, diff_dst, dst, axis, hint, attributes))
MAY_FAIL(dnnl_layer_normalization_forward_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, dnnl_prop_kind_t use, tensor src,
          tensor dst, tensor statistics, float epsilon, unsigned flags,
          const_dnnl_primitive_attr_t attributes),
         (made, engine, use, src, dst, statistics, epsilon, flags, attributes))
MAY_FAIL(dnnl_layer_normalization_backward_primitive_desc_create,
         (dnnl_primitive_desc_t * made, dnnl_engine_t engine, dnnl_prop_kind_t use,
          tensor diff_src, tensor diff_dst, tensor src, tensor statistics, float epsilon,
          unsigned flags, const_dnnl_primitive_desc_t hint,
          const_dnnl_primitive_attr_t attributes),
         (made, engine, use, diff_src, diff_dst, src, statistics, epsilon, flags, hint,
          attributes))
#else
typedef const dnnl_memory_desc_t *tensor;

MAY_FAIL(dnnl_memory_desc_init_by_strides,
         (dnnl_memory_desc_t * made, int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
          const dnnl_dims_t strides),
         (made, rank, dims, type, strides))
MAY_FAIL(dnnl_post_ops_append_sum, (dnnl_post_ops_t post_ops, float scale), (post_ops, scale))
MAY_FAIL(dnnl_post_ops_append_eltwise,
         (dnnl_post_ops_t post_ops, float scale, dnnl_alg_kind_t kind, float alpha, float beta),
         (post_ops, scale, kind, alpha, beta))
MAY_FAIL(dnnl_matmul_desc_init,
         (dnnl_matmul_desc_t * made, tensor a, tensor b, tensor bias, tensor c),
         (made, a, b, bias, c))
MAY_FAIL(dnnl_binary_desc_init,
         (dnnl_binary_desc_t * made, dnnl_alg_kind_t kind, tensor a, tensor b, tensor dst),
         (made, kind, a, b, dst))
MAY_FAIL(dnnl_eltwise_forward_desc_init,
         (dnnl_eltwise_desc_t * made, dnnl_prop_kind_t use, dnnl_alg_kind_t kind, tensor data,
          float alpha, float beta),
         (made, use, kind, data, alpha, beta))
MAY_FAIL(dnnl_eltwise_backward_desc_init,
         (dnnl_eltwise_desc_t * made, dnnl_alg_kind_t kind, tensor diff, tensor data, float alpha,
          float beta),
         (made, kind, diff, data, alpha, beta))
MAY_FAIL(dnnl_softmax_v2_forward_desc_init,
         (dnnl_softmax_v2_desc_t * made, dnnl_prop_kind_t use, dnnl_alg_kind_t kind, tensor src,
          tensor dst, int axis),
         (made, use, kind, src, dst, axis))
MAY_FAIL(dnnl_softmax_v2_backward_desc_init,
         (dnnl_softmax_v2_desc_t * made, dnnl_alg_kind_t kind, tensor diff_src, tensor diff_dst,
          tensor dst, int axis),
         (made, kind, diff_src, diff_dst, dst, axis))
MAY_FAIL(dnnl_layer_normalization_forward_desc_init,
         (dnnl_layer_normalization_desc_t * made, dnnl_prop_kind_t use, tensor data,
          tensor statistics, float epsilon, unsigned flags),
         (made, use, data, statistics, epsilon, flags))
MAY_FAIL(dnnl_layer_normalization_backward_desc_init,
         (dnnl_layer_normalization_desc_t * made, dnnl_prop_kind_t use, tensor diff, tensor data,
          tensor statistics, float epsilon, unsigned flags),
         (made, use, diff, data, statistics, epsilon, flags))
MAY_FAIL(dnnl_primitive_desc_create,
         (dnnl_primitive_desc_t * made, const_dnnl_op_desc_t operation,
          const_dnnl_primitive_attr_t attributes, dnnl_engine_t engine,
          const_dnnl_primitive_desc_t hint),
         (made, operation, attributes, engine, hint))
#endif
MAY_FAIL(dnnl_memory_create,
         (dnnl_memory_t * made, tensor desc, dnnl_engine_t engine, void *handle),
         (made, desc, engine, handle))
