/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: whole stages of training. */
#ifndef S3REC_RUN_HPP
#define S3REC_RUN_HPP

#include "s3rec/recipe.hpp"
#include "s3rec/run.h"
#include "s3rec/scorer.hpp"

namespace s3rec {

/** What a step did, of type s3rec_run_event. */
namespace run_event {
inline constexpr s3rec_run_event step = S3REC_RUN_STEP;
inline constexpr s3rec_run_event epoch = S3REC_RUN_EPOCH;
inline constexpr s3rec_run_event done = S3REC_RUN_DONE;
}  // namespace run_event

/** The course of the learning rate after its warm-up, of type s3rec_schedule. */
namespace schedule {
inline constexpr s3rec_schedule constant = S3REC_SCHEDULE_CONSTANT;
inline constexpr s3rec_schedule cosine = S3REC_SCHEDULE_COSINE;
}  // namespace schedule

/** s3rec_run_options with the defaults of a stage. What sampler and trainer point to is borrowed
 * until the run is created. */
struct run_options : s3rec_run_options {
  explicit run_options(s3rec_stage of) noexcept { s3rec_run_options_init(this, of); }
};

using run_progress = s3rec_run_progress;

/** What is ahead, at most. */
using run_estimate = s3rec_run_estimate;

/** What a saved run says about itself; read its members with ->. */
class run_state : public handle<s3rec_run_state, s3rec_run_state_destroy> {
 public:
  using handle::handle;

  static result<run_state> try_read(const context &context, c_string path) noexcept {
    return detail::make<run_state>(s3rec_run_state_read, context.get(), path.get());
  }
  const s3rec_run_state *operator->() const noexcept { return get(); }

#if S3REC_CPP_EXCEPTIONS
  static run_state read(const context &context, c_string path) {
    return try_read(context, path).value();
  }
#endif
};

/** s3rec_run: one stage of training from beginning to end. One thread at a time. */
class run : public handle<s3rec_run, s3rec_run_destroy> {
 public:
  using handle::handle;

  static result<run> try_create(const model &model, const dataset &dataset,
                                const s3rec_run_options &options) noexcept {
    return detail::make<run>(s3rec_run_create, model.get(), dataset.get(), &options);
  }
  /** Out of a saved one, with the options in the file; `model` may be an empty handle where no
   * refit is ahead. `epochs`: 0 as saved. */
  static result<run> try_resume(const model &model, const dataset &dataset, c_string path,
                                int32_t epochs = 0) noexcept {
    return detail::make<run>(s3rec_run_resume, model.get(), dataset.get(), path.get(), epochs);
  }

  /** One step; event DONE when there was none left to do. */
  result<run_progress> try_step() noexcept {
    run_progress progress;
    s3rec_run_progress_init(&progress);
    const s3rec_status status = s3rec_run_step(get(), &progress);
    return detail::done(status, progress);
  }

  /** Steps to the end, `on_step(const run_progress &)` after each, DONE included. When it returns
   * bool, false stops, and the run can go on later. The result: whether the run is done. */
  template <class F>
  result<bool> try_finish(F &&on_step) {
    for (;;) {
      result<run_progress> progress = try_step();
      if (!progress) return std::move(progress).error();
      const bool done = progress->event == S3REC_RUN_DONE;
      if constexpr (std::is_same_v<std::invoke_result_t<F &, const run_progress &>, bool>) {
        if (!on_step(std::as_const(*progress))) return done;
      } else {
        on_step(std::as_const(*progress));
      }
      if (done) return true;
    }
  }
  result<void> try_finish() noexcept {
    result<bool> done = try_finish([](const run_progress &) {});
    return std::move(done).error();
  }

  /** The result as a model of its own: after DONE the final weights, before the best so far. */
  result<model> try_trained() const noexcept {
    return detail::make<model>(s3rec_run_finish, get());
  }
  /** Where it is, without a step. */
  result<run_progress> try_progress() const noexcept {
    run_progress progress;
    s3rec_run_progress_init(&progress);
    const s3rec_status status = s3rec_run_progress_get(get(), &progress);
    return detail::done(status, progress);
  }
  result<run_estimate> try_ahead() const noexcept {
    run_estimate estimate;
    s3rec_run_estimate_init(&estimate);
    const s3rec_status status = s3rec_run_ahead(get(), &estimate);
    return detail::done(status, estimate);
  }
  /** The application's text; valid until it is changed. */
  const char *note() const noexcept { return s3rec_run_note(get()); }
  result<void> try_set_note(c_string note) noexcept {
    return detail::done(s3rec_run_set_note(get(), note.get()));
  }

  /** Of the valid split after the epoch measured last. */
  result<metrics> try_valid_metrics() const noexcept {
    metrics found;
    s3rec_metrics_init(&found);
    const s3rec_status status = s3rec_run_valid_metrics(get(), &found);
    return detail::done(status, found);
  }
  result<void> try_save(c_string path) const noexcept {
    return detail::done(s3rec_run_save(get(), path.get()));
  }
  result<void> try_load(c_string path) noexcept {
    return detail::done(s3rec_run_load(get(), path.get()));
  }

#if S3REC_CPP_EXCEPTIONS
  static run create(const model &model, const dataset &dataset,
                    const s3rec_run_options &options) {
    return try_create(model, dataset, options).value();
  }
  static run resume(const model &model, const dataset &dataset, c_string path,
                    int32_t epochs = 0) {
    return try_resume(model, dataset, path, epochs).value();
  }
  run_progress step() { return try_step().value(); }
  template <class F>
  bool finish(F &&on_step) {
    return try_finish(std::forward<F>(on_step)).value();
  }
  void finish() { try_finish().value(); }
  model trained() const { return try_trained().value(); }
  run_progress progress() const { return try_progress().value(); }
  run_estimate ahead() const { return try_ahead().value(); }
  void set_note(c_string note) { try_set_note(note).value(); }
  metrics valid_metrics() const { return try_valid_metrics().value(); }
  void save(c_string path) const { try_save(path).value(); }
  void load(c_string path) { try_load(path).value(); }
#endif
};

}  // namespace s3rec
#endif
