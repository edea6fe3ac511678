/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: datasets. */
#ifndef S3REC_DATASET_HPP
#define S3REC_DATASET_HPP

#include "s3rec/context.hpp"
#include "s3rec/dataset.h"
#include "s3rec/vocabulary.hpp"

namespace s3rec {

using dataset_info = s3rec_dataset_info;

/** S3REC_MAX_ITEM_ID of the library that runs. */
inline int32_t max_item_id() noexcept { return s3rec_max_item_id(); }

/** s3rec_dataset_arrays of views, which are borrowed until the dataset is made. */
struct dataset_arrays : s3rec_dataset_arrays {
  dataset_arrays() noexcept { s3rec_dataset_arrays_init(this); }
  /** User u took items[item_offsets[u]] .. items[item_offsets[u + 1] - 1]. */
  dataset_arrays(span<const int64_t> user_offsets, span<const int32_t> user_items) noexcept
      : dataset_arrays() {
    user_count = user_offsets.empty() ? 0 : user_offsets.size() - 1;
    item_offsets = user_offsets.data();
    items = user_items.data();
    item_count_ = user_items.size();
  }

  /** Item with[i] has values[offsets[i]] .. values[offsets[i + 1] - 1]. */
  dataset_arrays &attributes_of(span<const int32_t> with, span<const int64_t> offsets,
                                span<const int32_t> values) noexcept {
    attributed_item_count = with.size();
    attributed_items = with.data();
    attribute_offsets = offsets.data();
    attributes = values.data();
    consistent_ = consistent_ && offsets.size() == with.size() + 1 &&
                  offsets.back() == static_cast<int64_t>(values.size());
    return *this;
  }
  /** values [user_count, per_user]. */
  dataset_arrays &negatives_of(int32_t per_user, span<const int32_t> values) noexcept {
    negatives_per_user = per_user;
    negatives = values.data();
    consistent_ = consistent_ && per_user >= 0 &&
                  values.size() == user_count * static_cast<std::size_t>(per_user);
    return *this;
  }

  /** Whether the views are as long as the offsets say; fields that were set by hand count not. */
  bool consistent() const noexcept {
    const bool whole = item_count_ == unknown_size || item_offsets == nullptr ||
                       item_offsets[user_count] == static_cast<int64_t>(item_count_);
    return consistent_ && whole;
  }

 private:
  static constexpr std::size_t unknown_size = static_cast<std::size_t>(-1);
  std::size_t item_count_ = unknown_size;
  bool consistent_ = true;
};

/** s3rec_dataset. Read-only: threads may share one. */
class dataset : public handle<s3rec_dataset, s3rec_dataset_destroy> {
 public:
  using handle::handle;

  /** From the text formats of docs/file-format.md; attributes and negatives may be nullptr. */
  static result<dataset> try_load(const context &context, c_string sequences,
                                  c_string attributes = nullptr,
                                  c_string negatives = nullptr) noexcept {
    return detail::make<dataset>(s3rec_dataset_load, context.get(), sequences.get(),
                                 attributes.get(), negatives.get());
  }
  static result<dataset> try_from_arrays(const context &context,
                                         const dataset_arrays &arrays) noexcept {
    if (!arrays.consistent())
      return detail::refused("arrays: a view is not as long as its offsets say");
    return detail::make<dataset>(s3rec_dataset_from_arrays, context.get(),
                                 static_cast<const s3rec_dataset_arrays *>(&arrays));
  }

  result<dataset_info> try_info() const noexcept {
    dataset_info info;
    s3rec_dataset_info_init(&info);
    const s3rec_status status = s3rec_dataset_info_get(get(), &info);
    return detail::done(status, info);
  }

  /** Items of a user, numbered from 0, oldest first; borrowed while the dataset lives. */
  result<span<const int32_t>> try_user_items(std::size_t user) const noexcept {
    return view(s3rec_dataset_user_items, user);
  }
  /** Attributes of an item, likewise. */
  result<span<const int32_t>> try_item_attributes(int32_t item) const noexcept {
    return view(s3rec_dataset_item_attributes, item);
  }
  /** Negatives of a user, likewise. */
  result<span<const int32_t>> try_user_negatives(std::size_t user) const noexcept {
    return view(s3rec_dataset_user_negatives, user);
  }

  /** Names, of datasets made from events; else empty. */
  result<vocabulary> try_item_names() const noexcept {
    return detail::make<vocabulary>(s3rec_dataset_item_names, get());
  }
  result<vocabulary> try_user_names() const noexcept {
    return detail::make<vocabulary>(s3rec_dataset_user_names, get());
  }
  result<vocabulary> try_attribute_names() const noexcept {
    return detail::make<vocabulary>(s3rec_dataset_attribute_names, get());
  }

#if S3REC_CPP_EXCEPTIONS
  static dataset load(const context &context, c_string sequences, c_string attributes = nullptr,
                      c_string negatives = nullptr) {
    return try_load(context, sequences, attributes, negatives).value();
  }
  static dataset from_arrays(const context &context, const dataset_arrays &arrays) {
    return try_from_arrays(context, arrays).value();
  }
  dataset_info info() const { return try_info().value(); }
  span<const int32_t> user_items(std::size_t user) const { return try_user_items(user).value(); }
  span<const int32_t> item_attributes(int32_t item) const {
    return try_item_attributes(item).value();
  }
  span<const int32_t> user_negatives(std::size_t user) const {
    return try_user_negatives(user).value();
  }
  vocabulary item_names() const { return try_item_names().value(); }
  vocabulary user_names() const { return try_user_names().value(); }
  vocabulary attribute_names() const { return try_attribute_names().value(); }
#endif

 private:
  template <class Index>
  result<span<const int32_t>> view(s3rec_status (*call)(const s3rec_dataset *, Index,
                                                        const int32_t **, std::size_t *),
                                   Index index) const noexcept {
    const int32_t *values = nullptr;
    std::size_t count = 0;
    const s3rec_status status = call(get(), index, &values, &count);
    return detail::done(status, span<const int32_t>(values, count));
  }
};

}  // namespace s3rec
#endif
