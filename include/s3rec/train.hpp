/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: the front door, training. */
#ifndef S3REC_TRAIN_HPP
#define S3REC_TRAIN_HPP

#include "s3rec/run.hpp"
#include "s3rec/train.h"

namespace s3rec {

/** s3rec_train_options with its defaults; what it points to is borrowed for the call. */
struct train_options : s3rec_train_options {
  train_options() noexcept { s3rec_train_options_init(this); }
  train_options &with(const s3rec::context &of) noexcept {
    context = of.get();
    return *this;
  }
  train_options &with(const s3rec::dataset &of) noexcept {
    dataset = of.get();
    return *this;
  }
};

/** What s3rec_train leaves: a model, and its metrics on the test split. */
struct trained {
  s3rec::model model;
  s3rec::metrics metrics;
};

/** s3rec_train: data in, a model out. */
inline result<trained> try_train(const s3rec_train_options &options) noexcept {
  s3rec_model *made = nullptr;
  metrics measured;
  s3rec_metrics_init(&measured);
  const s3rec_status status = s3rec_train(&options, &made, &measured);
  if (status != S3REC_OK) return failure(status);
  return trained{model(made), measured};
}

#if S3REC_CPP_EXCEPTIONS
inline trained train(const s3rec_train_options &options) { return try_train(options).value(); }
#endif

}  // namespace s3rec
#endif
