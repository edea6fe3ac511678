/* SPDX-License-Identifier: Apache-2.0 */
/* One interface over oneDNN 2.6 and later 2.x, and 3.x: what changed between
 * them as far as onednn_backend uses it. Memory descriptors became opaque
 * handles and primitive descriptors lost their intermediate "operation
 * descriptor". Everything else (engine, stream, memory, attributes, execution)
 * is the same in both. Enumerators are used by name only: values differ. */
#ifndef S3_DNNL_COMPAT_H
#define S3_DNNL_COMPAT_H

#include <oneapi/dnnl/dnnl.h>

#include "base/error.h"

#if DNNL_VERSION_MAJOR < 2 || (DNNL_VERSION_MAJOR == 2 && DNNL_VERSION_MINOR < 6)
#error "oneDNN 2.6 or later is needed"
#endif

/* A memory descriptor of floats with strides: s3_md owns, s3_md_ref borrows. */
typedef dnnl_memory_desc_t s3_md;

#if DNNL_VERSION_MAJOR >= 3

typedef const_dnnl_memory_desc_t s3_md_ref;

static inline s3_md_ref s3_md_borrow(const s3_md *md) { return *md; }

static inline dnnl_status_t s3_md_create(s3_md *md, int rank, const dnnl_dims_t dims,
                                         const dnnl_dims_t strides) {
  return dnnl_memory_desc_create_with_strides(md, rank, dims, dnnl_f32, strides);
}

static inline void s3_md_destroy(s3_md *md) { dnnl_memory_desc_destroy(*md); }

static inline dnnl_status_t s3_append_sum(dnnl_post_ops_t post_ops) {
  return dnnl_post_ops_append_sum(post_ops, 1.0f, 0, dnnl_data_type_undef);
}

static inline dnnl_status_t s3_append_scale(dnnl_post_ops_t post_ops, float scale) {
  return dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_linear, scale, 0.0f);
}

static inline dnnl_status_t s3_matmul_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                           const_dnnl_primitive_attr_t attributes, s3_md_ref a,
                                           s3_md_ref b, s3_md_ref c) {
  return dnnl_matmul_primitive_desc_create(desc, engine, a, b, NULL, c, attributes);
}

static inline dnnl_status_t s3_binary_add_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                               const_dnnl_primitive_attr_t attributes,
                                               s3_md_ref a, s3_md_ref b, s3_md_ref dst) {
  return dnnl_binary_primitive_desc_create(desc, engine, dnnl_binary_add, a, b, dst, attributes);
}

/* `hint` NULL: forward; else the forward descriptor that backward goes with. */
static inline dnnl_status_t s3_eltwise_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                            const_dnnl_primitive_attr_t attributes,
                                            const_dnnl_primitive_desc_t hint,
                                            dnnl_alg_kind_t algorithm, float alpha,
                                            s3_md_ref data) {
  if (hint == NULL) {
    return dnnl_eltwise_forward_primitive_desc_create(desc, engine, dnnl_forward_training,
                                                      algorithm, data, data, alpha, 0.0f,
                                                      attributes);
  }
  return dnnl_eltwise_backward_primitive_desc_create(desc, engine, algorithm, data, data, data,
                                                     alpha, 0.0f, hint, attributes);
}

/* Softmax along dimension 1; `hint` as above. */
static inline dnnl_status_t s3_softmax_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                            const_dnnl_primitive_attr_t attributes,
                                            const_dnnl_primitive_desc_t hint, s3_md_ref data) {
  if (hint == NULL) {
    return dnnl_softmax_forward_primitive_desc_create(desc, engine, dnnl_forward_training,
                                                      dnnl_softmax_accurate, data, data, 1,
                                                      attributes);
  }
  return dnnl_softmax_backward_primitive_desc_create(desc, engine, dnnl_softmax_accurate, data,
                                                     data, data, 1, hint, attributes);
}

/* Layer norm over the last dimension with scale and shift; `hint` as above. */
static inline dnnl_status_t s3_norm_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                         const_dnnl_primitive_attr_t attributes,
                                         const_dnnl_primitive_desc_t hint, float epsilon,
                                         s3_md_ref data, s3_md_ref statistics) {
  const unsigned flags = dnnl_use_scale | dnnl_use_shift;
  if (hint == NULL) {
    return dnnl_layer_normalization_forward_primitive_desc_create(
        desc, engine, dnnl_forward_training, data, data, statistics, epsilon, flags, attributes);
  }
  return dnnl_layer_normalization_backward_primitive_desc_create(
      desc, engine, dnnl_backward, data, data, data, statistics, epsilon, flags, hint,
      attributes);
}

#else

typedef const dnnl_memory_desc_t *s3_md_ref;

static inline s3_md_ref s3_md_borrow(const s3_md *md) { return md; }

static inline dnnl_status_t s3_md_create(s3_md *md, int rank, const dnnl_dims_t dims,
                                         const dnnl_dims_t strides) {
  return dnnl_memory_desc_init_by_strides(md, rank, dims, dnnl_f32, strides);
}

static inline void s3_md_destroy(s3_md *md) { (void)md; }

static inline dnnl_status_t s3_append_sum(dnnl_post_ops_t post_ops) {
  return dnnl_post_ops_append_sum(post_ops, 1.0f);
}

static inline dnnl_status_t s3_append_scale(dnnl_post_ops_t post_ops, float scale) {
  return dnnl_post_ops_append_eltwise(post_ops, 1.0f, dnnl_eltwise_linear, scale, 0.0f);
}

static inline dnnl_status_t s3_matmul_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                           const_dnnl_primitive_attr_t attributes, s3_md_ref a,
                                           s3_md_ref b, s3_md_ref c) {
  dnnl_matmul_desc_t operation;
  const dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, NULL, c);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(desc, &operation, attributes, engine, NULL);
}

static inline dnnl_status_t s3_binary_add_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                               const_dnnl_primitive_attr_t attributes,
                                               s3_md_ref a, s3_md_ref b, s3_md_ref dst) {
  dnnl_binary_desc_t operation;
  const dnnl_status_t status = dnnl_binary_desc_init(&operation, dnnl_binary_add, a, b, dst);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(desc, &operation, attributes, engine, NULL);
}

/* `hint` NULL: forward; else the forward descriptor that backward goes with. */
static inline dnnl_status_t s3_eltwise_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                            const_dnnl_primitive_attr_t attributes,
                                            const_dnnl_primitive_desc_t hint,
                                            dnnl_alg_kind_t algorithm, float alpha,
                                            s3_md_ref data) {
  dnnl_eltwise_desc_t operation;
  const dnnl_status_t status =
      hint == NULL ? dnnl_eltwise_forward_desc_init(&operation, dnnl_forward_training, algorithm,
                                                    data, alpha, 0.0f)
                   : dnnl_eltwise_backward_desc_init(&operation, algorithm, data, data, alpha,
                                                     0.0f);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(desc, &operation, attributes, engine, hint);
}

/* Softmax along dimension 1; `hint` as above. */
static inline dnnl_status_t s3_softmax_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                            const_dnnl_primitive_attr_t attributes,
                                            const_dnnl_primitive_desc_t hint, s3_md_ref data) {
  dnnl_softmax_v2_desc_t operation;
  const dnnl_status_t status =
      hint == NULL
          ? dnnl_softmax_v2_forward_desc_init(&operation, dnnl_forward_training,
                                              dnnl_softmax_accurate, data, data, 1)
          : dnnl_softmax_v2_backward_desc_init(&operation, dnnl_softmax_accurate, data, data,
                                               data, 1);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(desc, &operation, attributes, engine, hint);
}

/* Layer norm over the last dimension with scale and shift; `hint` as above. */
static inline dnnl_status_t s3_norm_desc(dnnl_primitive_desc_t *desc, dnnl_engine_t engine,
                                         const_dnnl_primitive_attr_t attributes,
                                         const_dnnl_primitive_desc_t hint, float epsilon,
                                         s3_md_ref data, s3_md_ref statistics) {
  const unsigned flags = dnnl_use_scale | dnnl_use_shift;
  dnnl_layer_normalization_desc_t operation;
  const dnnl_status_t status =
      hint == NULL ? dnnl_layer_normalization_forward_desc_init(&operation, dnnl_forward_training,
                                                                data, statistics, epsilon, flags)
                   : dnnl_layer_normalization_backward_desc_init(
                         &operation, dnnl_backward, data, data, statistics, epsilon, flags);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(desc, &operation, attributes, engine, hint);
}

#endif

/* oneDNN's status codes as ours: engine.c. */

/* OK, or ENGINE with a text that names `operation`, the code and its likely
 * cause. */
s3rec_status s3_dnnl_status(dnnl_status_t status, const char *operation);

/* Leaves the function when the oneDNN call fails; the text names the call. */
#define S3_TRY_DNNL(operation, call) S3_TRY(s3_dnnl_status((call), (operation)))

#endif
