/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: batches and samplers. */
#ifndef S3REC_BATCH_HPP
#define S3REC_BATCH_HPP

#include "s3rec/batch.h"
#include "s3rec/dataset.hpp"

namespace s3rec {

/** Stages of training, of type s3rec_stage. */
namespace stage {
inline constexpr s3rec_stage pretrain = S3REC_STAGE_PRETRAIN;
inline constexpr s3rec_stage finetune = S3REC_STAGE_FINETUNE;
}  // namespace stage

/** s3rec_sampler_options with the defaults of a stage. */
struct sampler_options : s3rec_sampler_options {
  explicit sampler_options(s3rec_stage of) noexcept { s3rec_sampler_options_init(this, of); }
};

/** s3rec_pretrain_arrays, zeros. */
struct pretrain_arrays : s3rec_pretrain_arrays {
  pretrain_arrays() noexcept { s3rec_pretrain_arrays_init(this); }
};

using batch_info = s3rec_batch_info;

/** s3rec_batch: input of one training step. One thread at a time. */
class batch : public handle<s3rec_batch, s3rec_batch_destroy> {
 public:
  using handle::handle;

  static result<batch> try_create(const context &context) noexcept {
    return detail::make<batch>(s3rec_batch_create, context.get());
  }

  /** The arrays are as long as the sizes in them say. */
  result<void> try_set_pretrain(const s3rec_pretrain_arrays &arrays) noexcept {
    return detail::done(s3rec_batch_set_pretrain(get(), &arrays));
  }
  /** Padded arrays [batch_size, max_seq_length]; target_neg may be empty. */
  result<void> try_set_finetune(int32_t batch_size, int32_t max_seq_length,
                                span<const int32_t> input_ids, span<const int32_t> target_pos,
                                span<const int32_t> target_neg = {}) noexcept {
    const std::size_t size = static_cast<std::size_t>(batch_size < 0 ? 0 : batch_size) *
                             static_cast<std::size_t>(max_seq_length < 0 ? 0 : max_seq_length);
    if (input_ids.size() != size || target_pos.size() != size ||
        (!target_neg.empty() && target_neg.size() != size))
      return detail::refused("input_ids, target_pos, target_neg: not batch_size * max_seq_length");
    return detail::done(s3rec_batch_set_finetune(get(), batch_size, max_seq_length,
                                                 input_ids.data(), target_pos.data(),
                                                 target_neg.empty() ? nullptr
                                                                    : target_neg.data()));
  }

  result<batch_info> try_info() const noexcept {
    batch_info info;
    s3rec_batch_info_init(&info);
    const s3rec_status status = s3rec_batch_info_get(get(), &info);
    return detail::done(status, info);
  }
  /** One id array, such as "input_ids", into ids [batch_size, max_seq_length]. */
  result<void> try_read(c_string name, span<int32_t> ids) const noexcept {
    return detail::done(s3rec_batch_read(get(), name.get(), ids.data(), ids.size()));
  }

#if S3REC_CPP_EXCEPTIONS
  static batch create(const context &context) { return try_create(context).value(); }
  void set_pretrain(const s3rec_pretrain_arrays &arrays) { try_set_pretrain(arrays).value(); }
  void set_finetune(int32_t batch_size, int32_t max_seq_length, span<const int32_t> input_ids,
                    span<const int32_t> target_pos, span<const int32_t> target_neg = {}) {
    try_set_finetune(batch_size, max_seq_length, input_ids, target_pos, target_neg).value();
  }
  batch_info info() const { return try_info().value(); }
  void read(c_string name, span<int32_t> ids) const { try_read(name, ids).value(); }
  std::vector<int32_t> read(c_string name) const {
    const batch_info size = info();
    std::vector<int32_t> ids(static_cast<std::size_t>(size.batch_size) *
                             static_cast<std::size_t>(size.max_seq_length));
    read(name, ids);
    return ids;
  }
#endif
};

/** Instances and steps of one epoch. */
struct epoch_size {
  std::size_t instances, steps;
};

/** Where the next batch of a sampler comes from, both from 0. */
struct sampler_position {
  uint64_t epoch;
  std::size_t step;
};

/** s3rec_sampler: draws batches from a dataset. One thread at a time. */
class sampler : public handle<s3rec_sampler, s3rec_sampler_destroy> {
 public:
  using handle::handle;

  static result<sampler> try_create(const dataset &dataset,
                                    const s3rec_sampler_options &options) noexcept {
    return detail::make<sampler>(s3rec_sampler_create, dataset.get(), &options);
  }

  result<s3rec::epoch_size> try_epoch_size() const noexcept {
    s3rec::epoch_size size = {};
    const s3rec_status status = s3rec_sampler_epoch_size(get(), &size.instances, &size.steps);
    return detail::done(status, size);
  }
  /** Fills the batch with the next step. */
  result<void> try_next(batch &batch) noexcept {
    return detail::done(s3rec_sampler_next(get(), batch.get()));
  }
  result<sampler_position> try_position() const noexcept {
    sampler_position at = {};
    const s3rec_status status = s3rec_sampler_position(get(), &at.epoch, &at.step);
    return detail::done(status, at);
  }
  result<void> try_seek(sampler_position position) noexcept {
    return detail::done(s3rec_sampler_seek(get(), position.epoch, position.step));
  }

#if S3REC_CPP_EXCEPTIONS
  static sampler create(const dataset &dataset, const s3rec_sampler_options &options) {
    return try_create(dataset, options).value();
  }
  s3rec::epoch_size epoch_size() const { return try_epoch_size().value(); }
  void next(batch &batch) { try_next(batch).value(); }
  sampler_position position() const { return try_position().value(); }
  void seek(sampler_position position) { try_seek(position).value(); }
#endif
};

}  // namespace s3rec
#endif
