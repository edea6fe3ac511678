/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: trainers. */
#ifndef S3REC_TRAINER_HPP
#define S3REC_TRAINER_HPP

#include "s3rec/batch.hpp"
#include "s3rec/model.hpp"
#include "s3rec/trainer.h"

namespace s3rec {

/** Losses of fine-tuning, of type s3rec_finetune_loss. */
namespace loss {
inline constexpr s3rec_finetune_loss ce = S3REC_LOSS_CE;
inline constexpr s3rec_finetune_loss bce = S3REC_LOSS_BCE;
inline constexpr s3rec_finetune_loss sampled_ce = S3REC_LOSS_SAMPLED_CE;
}  // namespace loss

/** s3rec_trainer_options with its defaults. */
struct trainer_options : s3rec_trainer_options {
  trainer_options() noexcept { s3rec_trainer_options_init(this); }
};

using losses = s3rec_losses;

/** s3rec_trainer: the model is its own for writing as long as it lives. One thread at a time. */
class trainer : public handle<s3rec_trainer, s3rec_trainer_destroy> {
 public:
  using handle::handle;

  static result<trainer> try_create(model &model,
                                    or_default<s3rec_trainer_options> options = {}) noexcept {
    return detail::make<trainer>(s3rec_trainer_create, model.get(), options.get());
  }

  /** One step: forward, gradients, update. */
  result<losses> try_pretrain_step(const batch &batch) noexcept {
    return measured(s3rec_pretrain_step, batch);
  }
  result<losses> try_finetune_step(const batch &batch) noexcept {
    return measured(s3rec_finetune_step, batch);
  }
  /** Gradients without an update. */
  result<losses> try_compute_gradients(const batch &batch) noexcept {
    return measured(s3rec_trainer_compute_gradients, batch);
  }
  /** Gradient of one parameter; the view is as long as it. */
  result<void> try_gradient_read(c_string name, span<float> values) const noexcept {
    return detail::done(
        s3rec_trainer_gradient_read(get(), name.get(), values.data(), values.size()));
  }
  result<void> try_gradient_write(c_string name, span<const float> values) noexcept {
    return detail::done(
        s3rec_trainer_gradient_write(get(), name.get(), values.data(), values.size()));
  }
  /** The update with the gradients held. */
  result<void> try_apply_gradients() noexcept {
    return detail::done(s3rec_trainer_apply_gradients(get()));
  }
  uint64_t step_count() const noexcept { return s3rec_trainer_step_count(get()); }

  /** Sampler and note may be nullptr. */
  result<void> try_save(c_string path, const sampler *sampler = nullptr,
                        c_string note = nullptr) const noexcept {
    return detail::done(s3rec_trainer_save(get(), sampler ? sampler->get() : nullptr, note.get(),
                                           path.get()));
  }
  result<void> try_load(c_string path, sampler *sampler = nullptr) noexcept {
    return detail::done(
        s3rec_trainer_load(get(), sampler ? sampler->get() : nullptr, path.get()));
  }
  /** Of the state loaded last, "" without; valid until the next load. */
  const char *note() const noexcept { return s3rec_trainer_note(get()); }
  /** Bytes. */
  std::size_t memory() const noexcept { return s3rec_trainer_memory(get()); }

#if S3REC_CPP_EXCEPTIONS
  static trainer create(model &model, or_default<s3rec_trainer_options> options = {}) {
    return try_create(model, options).value();
  }
  losses pretrain_step(const batch &batch) { return try_pretrain_step(batch).value(); }
  losses finetune_step(const batch &batch) { return try_finetune_step(batch).value(); }
  losses compute_gradients(const batch &batch) { return try_compute_gradients(batch).value(); }
  void gradient_read(c_string name, span<float> values) const {
    try_gradient_read(name, values).value();
  }
  void gradient_write(c_string name, span<const float> values) {
    try_gradient_write(name, values).value();
  }
  void apply_gradients() { try_apply_gradients().value(); }
  void save(c_string path, const sampler *sampler = nullptr, c_string note = nullptr) const {
    try_save(path, sampler, note).value();
  }
  void load(c_string path, sampler *sampler = nullptr) { try_load(path, sampler).value(); }
#endif

 private:
  result<losses> measured(s3rec_status (*step)(s3rec_trainer *, const s3rec_batch *,
                                               s3rec_losses *),
                          const batch &batch) noexcept {
    losses found;
    s3rec_losses_init(&found);
    const s3rec_status status = step(get(), batch.get(), &found);
    return detail::done(status, found);
  }
};

}  // namespace s3rec
#endif
