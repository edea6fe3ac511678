/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: models. */
#ifndef S3REC_MODEL_HPP
#define S3REC_MODEL_HPP

#include "s3rec/dataset.hpp"
#include "s3rec/model.h"

namespace s3rec {

/** Activations, of type s3rec_activation. */
namespace activation {
inline constexpr s3rec_activation gelu = S3REC_GELU;
inline constexpr s3rec_activation relu = S3REC_RELU;
inline constexpr s3rec_activation swish = S3REC_SWISH;
}  // namespace activation

/** s3rec_model_config with its defaults. */
struct model_config : s3rec_model_config {
  model_config() noexcept { s3rec_model_config_init(this); }
  /** For the items and attributes of a dataset. */
  explicit model_config(const dataset_info &of) noexcept : model_config() {
    item_size = of.item_size;
    attribute_size = of.attribute_size;
  }
};

using parameter_info = s3rec_parameter_info;

/** s3rec_model: configuration and weights. Threads may share one for reading; calls that are not
 * const write it. */
class model : public handle<s3rec_model, s3rec_model_destroy> {
 public:
  using handle::handle;

  static result<model> try_create(const context &context, const s3rec_model_config &config,
                                  uint64_t seed) noexcept {
    return detail::make<model>(s3rec_model_create, context.get(), &config, seed);
  }
  static result<model> try_create_for(const dataset &data,
                                      or_default<s3rec_model_config> config = {},
                                      uint64_t seed = 42) noexcept {
    return detail::make<model>(s3rec_model_create_for, data.get(), config.get(), seed);
  }
  static result<model> try_load(const context &context, c_string path,
                                or_default<s3rec_model_config> fallback = {}) noexcept {
    return detail::make<model>(s3rec_model_load, context.get(), path.get(), fallback.get());
  }
  /** As load, with the item table left in the file. */
  static result<model> try_map(const context &context, c_string path,
                               or_default<s3rec_model_config> fallback = {}) noexcept {
    return detail::make<model>(s3rec_model_map, context.get(), path.get(), fallback.get());
  }

  result<void> try_save(c_string path) const noexcept {
    return detail::done(s3rec_model_save(get(), path.get()));
  }
  result<model> try_clone() const noexcept { return detail::make<model>(s3rec_model_clone, get()); }

  /** Tells weights from other weights. */
  uint64_t fingerprint() const noexcept { return s3rec_model_fingerprint(get()); }
  /** Calls `visit(const char *key, const char *value)` for each metadata entry of a file; it must
   * not throw. */
  template <class F>
  static result<void> try_file_metadata(const context &context, c_string path, F &&visit) noexcept {
    const s3rec_metadata_function call = [](const char *key, const char *value, void *user_data) {
      (*static_cast<std::remove_reference_t<F> *>(user_data))(key, value);
    };
    return detail::done(s3rec_model_file_metadata(
        context.get(), path.get(), call,
        const_cast<void *>(static_cast<const void *>(std::addressof(visit)))));
  }

  result<void> try_set_dropouts(double hidden, double attention_probs) noexcept {
    return detail::done(s3rec_model_set_dropouts(get(), hidden, attention_probs));
  }
  result<void> try_copy_weights(const model &source) noexcept {
    return detail::done(s3rec_model_copy_weights(get(), source.get()));
  }
  result<void> try_set_names(const vocabulary &items, const vocabulary &attributes) noexcept {
    return detail::done(s3rec_model_set_names(get(), items.get(), attributes.get()));
  }
  /** Events of each item: counts [item_size]. */
  result<void> try_set_popularity(span<const int32_t> counts) noexcept {
    return detail::done(s3rec_model_set_popularity(get(), counts.data(), counts.size()));
  }
  result<void> try_count_popularity(const dataset &of, int32_t held_out_count) noexcept {
    return detail::done(s3rec_model_count_popularity(get(), of.get(), held_out_count));
  }
  result<void> try_popularity(span<int32_t> counts) const noexcept {
    return detail::done(s3rec_model_popularity(get(), counts.data(), counts.size()));
  }
  /** Empty without names. */
  result<vocabulary> try_item_names() const noexcept {
    return detail::make<vocabulary>(s3rec_model_item_names, get());
  }
  result<vocabulary> try_attribute_names() const noexcept {
    return detail::make<vocabulary>(s3rec_model_attribute_names, get());
  }

  /** Bytes. */
  std::size_t memory() const noexcept { return s3rec_model_memory(get()); }
  result<model_config> try_config() const noexcept {
    model_config config;
    const s3rec_status status = s3rec_model_config_get(get(), &config);
    return detail::done(status, config);
  }

  std::size_t parameter_count() const noexcept { return s3rec_model_parameter_count(get()); }
  result<parameter_info> try_parameter(std::size_t index) const noexcept {
    parameter_info info;
    s3rec_parameter_info_init(&info);
    const s3rec_status status = s3rec_model_parameter_info(get(), index, &info);
    return detail::done(status, info);
  }
  /** A whole parameter; the view is as long as it. */
  result<void> try_read(c_string name, span<float> values) const noexcept {
    return detail::done(
        s3rec_model_parameter_read(get(), name.get(), values.data(), values.size()));
  }
  result<void> try_write(c_string name, span<const float> values) noexcept {
    return detail::done(
        s3rec_model_parameter_write(get(), name.get(), values.data(), values.size()));
  }

#if S3REC_CPP_EXCEPTIONS
  static model create(const context &context, const s3rec_model_config &config, uint64_t seed) {
    return try_create(context, config, seed).value();
  }
  static model create_for(const dataset &data, or_default<s3rec_model_config> config = {},
                          uint64_t seed = 42) {
    return try_create_for(data, config, seed).value();
  }
  static model load(const context &context, c_string path,
                    or_default<s3rec_model_config> fallback = {}) {
    return try_load(context, path, fallback).value();
  }
  static model map(const context &context, c_string path,
                   or_default<s3rec_model_config> fallback = {}) {
    return try_map(context, path, fallback).value();
  }
  void save(c_string path) const { try_save(path).value(); }
  model clone() const { return try_clone().value(); }
  template <class F>
  static void file_metadata(const context &context, c_string path, F &&visit) {
    try_file_metadata(context, path, std::forward<F>(visit)).value();
  }
  void set_dropouts(double hidden, double attention_probs) {
    try_set_dropouts(hidden, attention_probs).value();
  }
  void copy_weights(const model &source) { try_copy_weights(source).value(); }
  void set_names(const vocabulary &items, const vocabulary &attributes) {
    try_set_names(items, attributes).value();
  }
  void set_popularity(span<const int32_t> counts) { try_set_popularity(counts).value(); }
  void count_popularity(const dataset &of, int32_t held_out_count) {
    try_count_popularity(of, held_out_count).value();
  }
  void popularity(span<int32_t> counts) const { try_popularity(counts).value(); }
  vocabulary item_names() const { return try_item_names().value(); }
  vocabulary attribute_names() const { return try_attribute_names().value(); }
  model_config config() const { return try_config().value(); }
  parameter_info parameter(std::size_t index) const { return try_parameter(index).value(); }
  void read(c_string name, span<float> values) const { try_read(name, values).value(); }
  void write(c_string name, span<const float> values) { try_write(name, values).value(); }
#endif
};

}  // namespace s3rec
#endif
