/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: event logs and attribute tables. */
#ifndef S3REC_EVENTS_HPP
#define S3REC_EVENTS_HPP

#include "s3rec/dataset.hpp"
#include "s3rec/events.h"

namespace s3rec {

/** Formats of tables, of type s3rec_table_format. */
namespace table_format {
inline constexpr s3rec_table_format automatic = S3REC_TABLE_AUTO;
inline constexpr s3rec_table_format csv = S3REC_TABLE_CSV;
inline constexpr s3rec_table_format tsv = S3REC_TABLE_TSV;
inline constexpr s3rec_table_format jsonl = S3REC_TABLE_JSONL;
}  // namespace table_format

/** Whether there is a header, of type s3rec_table_header. */
namespace table_header {
inline constexpr s3rec_table_header automatic = S3REC_HEADER_AUTO;
inline constexpr s3rec_table_header no = S3REC_HEADER_NO;
inline constexpr s3rec_table_header yes = S3REC_HEADER_YES;
}  // namespace table_header

/** What to do with repeats, of type s3rec_repeats. */
namespace repeats {
inline constexpr s3rec_repeats keep = S3REC_REPEATS_KEEP;
inline constexpr s3rec_repeats runs = S3REC_REPEATS_RUNS;
inline constexpr s3rec_repeats drop = S3REC_REPEATS_DROP;
}  // namespace repeats

/** s3rec_table_options with its defaults. */
struct table_options : s3rec_table_options {
  table_options() noexcept { s3rec_table_options_init(this); }
};

/** s3rec_events_options with its defaults. */
struct events_options : s3rec_events_options {
  events_options() noexcept { s3rec_events_options_init(this); }

  /** Ids as in a model that exists; the names are borrowed until the dataset is made. */
  events_options &with_names(const vocabulary &items) noexcept {
    item_names = items.get();
    return *this;
  }
  events_options &with_names(const vocabulary &items, const vocabulary &attributes) noexcept {
    item_names = items.get();
    attribute_names = attributes.get();
    return *this;
  }
  events_options &with_names(const vocabulary &&items) = delete; /* they would be gone */
  events_options &with_names(const vocabulary &&items, const vocabulary &) = delete;
  events_options &with_names(const vocabulary &items, const vocabulary &&) = delete;
};

using table_report = s3rec_table_report;
using events_report = s3rec_events_report;

/** Ids of one column, integers or text, borrowed for a call. */
class ids_view {
 public:
  /** From a span, vector or array of int64_t. */
  template <class C,
            std::enable_if_t<std::is_convertible_v<const C &, span<const int64_t>>, int> = 0>
  ids_view(const C &integers) noexcept {
    const span<const int64_t> view = integers;
    array_.integers = view.data();
    count_ = view.size();
  }
  /** From a text_view or text_column. */
  template <class C,
            std::enable_if_t<std::is_convertible_v<const C &, text_view>, char> = 0>
  ids_view(const C &names) noexcept {
    const text_view view = names;
    array_.text = view.text.data();
    array_.offsets = view.offsets.data();
    count_ = view.size();
    consistent_ = view.consistent();
  }

  std::size_t size() const noexcept { return count_; }
  bool consistent() const noexcept { return consistent_; }
  const s3rec_id_array *get() const noexcept { return &array_; }

 private:
  s3rec_id_array array_ = {nullptr, nullptr, nullptr};
  std::size_t count_ = 0;
  bool consistent_ = true;
};

/** s3rec_events: who took what, when, and attributes of items. One thread at a time. */
class events : public handle<s3rec_events, s3rec_events_destroy> {
 public:
  using handle::handle;

  static result<events> try_create(const context &context) noexcept {
    return detail::make<events>(s3rec_events_create, context.get());
  }

  result<table_report> try_read(c_string path,
                                or_default<s3rec_table_options> options = {}) noexcept {
    return read_by(s3rec_events_read, path, options);
  }
  result<table_report> try_read_attributes(
      c_string path, or_default<s3rec_table_options> options = {}) noexcept {
    return read_by(s3rec_events_read_attributes, path, options);
  }

  /** Events from columns of one length; timestamps and values may be empty: there are none. */
  result<void> try_append(const ids_view &users, const ids_view &items,
                          span<const int64_t> timestamps = {},
                          span<const double> values = {}) noexcept {
    const std::size_t count = users.size();
    if (!users.consistent() || !items.consistent())
      return detail::refused("users, items: the offsets do not fit the text");
    if (items.size() != count || (!timestamps.empty() && timestamps.size() != count) ||
        (!values.empty() && values.size() != count))
      return detail::refused("users, items, timestamps, values: columns of different lengths");
    return detail::done(s3rec_events_append(get(), count, users.get(), items.get(),
                                            timestamps.empty() ? nullptr : timestamps.data(),
                                            values.empty() ? nullptr : values.data()));
  }
  /** Item i has attribute i. */
  result<void> try_append_attributes(const ids_view &items, const ids_view &attributes) noexcept {
    if (!items.consistent() || !attributes.consistent())
      return detail::refused("items, attributes: the offsets do not fit the text");
    if (items.size() != attributes.size())
      return detail::refused("items, attributes: columns of different lengths");
    return detail::done(s3rec_events_append_attributes(get(), items.size(), items.get(),
                                                       attributes.get()));
  }

  /** The dataset of the events; `report`, if any, gets what became of them. */
  result<s3rec::dataset> try_dataset(or_default<s3rec_events_options> options = {},
                              events_report *report = nullptr) const noexcept {
    if (report != nullptr) s3rec_events_report_init(report);
    s3rec_dataset *made = nullptr;
    const s3rec_status status = s3rec_events_dataset(get(), options.get(), &made, report);
    if (status != S3REC_OK) return failure(status);
    return s3rec::dataset(made);
  }

#if S3REC_CPP_EXCEPTIONS
  static events create(const context &context) { return try_create(context).value(); }
  table_report read(c_string path, or_default<s3rec_table_options> options = {}) {
    return try_read(path, options).value();
  }
  table_report read_attributes(c_string path, or_default<s3rec_table_options> options = {}) {
    return try_read_attributes(path, options).value();
  }
  void append(const ids_view &users, const ids_view &items, span<const int64_t> timestamps = {},
              span<const double> values = {}) {
    try_append(users, items, timestamps, values).value();
  }
  void append_attributes(const ids_view &items, const ids_view &attributes) {
    try_append_attributes(items, attributes).value();
  }
  s3rec::dataset dataset(or_default<s3rec_events_options> options = {},
                         events_report *report = nullptr) const {
    return try_dataset(options, report).value();
  }
#endif

 private:
  result<table_report> read_by(s3rec_status (*call)(s3rec_events *, const char *,
                                                    const s3rec_table_options *,
                                                    s3rec_table_report *),
                               c_string path, or_default<s3rec_table_options> options) noexcept {
    table_report report;
    s3rec_table_report_init(&report);
    const s3rec_status status = call(get(), path.get(), options.get(), &report);
    return detail::done(status, report);
  }
};

}  // namespace s3rec
#endif
