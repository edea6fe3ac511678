/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: names of items, users and attributes, and columns of text. */
#ifndef S3REC_VOCABULARY_HPP
#define S3REC_VOCABULARY_HPP

#include <cstdint>
#include <string_view>
#include <vector>

#include "s3rec/context.hpp"
#include "s3rec/vocabulary.h"

namespace s3rec {

/** Kinds of names, of type s3rec_name_kind. */
namespace names {
inline constexpr s3rec_name_kind text = S3REC_NAMES_TEXT;
inline constexpr s3rec_name_kind integer = S3REC_NAMES_INTEGER;
}  // namespace names

/** S3REC_MAX_NAME_LENGTH of the library that runs. */
inline std::size_t max_name_length() noexcept { return s3rec_max_name_length(); }

/** A column of text as one text and where each entry begins, borrowed for a call. */
struct text_view {
  /** Entry i is text[offsets[i]] .. text[offsets[i + 1] - 1]; offsets has one more than entries
   * and ends within the text. */
  constexpr text_view(std::string_view all, span<const int64_t> begins) noexcept
      : text(all), offsets(begins) {}

  constexpr std::size_t size() const noexcept { return offsets.empty() ? 0 : offsets.size() - 1; }
  /** Whether there is an offset, and the last one is within the text. */
  constexpr bool consistent() const noexcept {
    return !offsets.empty() && offsets.back() >= 0 &&
           static_cast<uint64_t>(offsets.back()) <= text.size();
  }

  std::string_view text;
  span<const int64_t> offsets;
};

/** A column of text that owns it: made of strings, or grown one by one. */
class text_column {
 public:
  text_column() : offsets_{0} {}
  /** From anything one can loop over whose elements are strings or string_views. */
  template <class Strings, class = decltype(std::string_view(*std::declval<Strings &>().begin()))>
  explicit text_column(const Strings &strings) : text_column() {
    for (const auto &string : strings) add(string);
  }

  /** After std::bad_alloc the column is as before. */
  void add(std::string_view entry) {
    text_.resize(static_cast<std::size_t>(offsets_.back())); /* drops what an add left that threw */
    text_.append(entry);
    offsets_.push_back(static_cast<int64_t>(text_.size()));
  }
  std::size_t size() const noexcept { return offsets_.size() - 1; }
  operator text_view() const noexcept { return {text_, offsets_}; }

 private:
  std::string text_;
  std::vector<int64_t> offsets_;
};

/** s3rec_vocabulary. Immutable: threads may share one. */
class vocabulary : public handle<s3rec_vocabulary, s3rec_vocabulary_destroy> {
 public:
  using handle::handle;

  static result<vocabulary> try_create(const context &context, s3rec_name_kind kind,
                                       int32_t first_id, text_view names) noexcept {
    if (!names.consistent()) return detail::refused("names: the offsets do not fit the text");
    return detail::make<vocabulary>(s3rec_vocabulary_create, context.get(), kind, first_id,
                                    names.text.data(), names.offsets.data(), names.size());
  }

  std::size_t size() const noexcept { return s3rec_vocabulary_count(get()); }
  int32_t first_id() const noexcept { return s3rec_vocabulary_first_id(get()); }
  s3rec_name_kind kind() const noexcept { return s3rec_vocabulary_kind(get()); }

  /** Name of an id, borrowed while any owner of these names lives; the next byte is NUL. */
  result<std::string_view> try_name(int32_t id) const noexcept {
    const char *name = "";
    std::size_t length = 0;
    const s3rec_status status = s3rec_vocabulary_name(get(), id, &name, &length);
    return detail::done(status, std::string_view(name, length));
  }

  /** Id of a name, if it is there. */
  std::optional<int32_t> find(std::string_view name) const noexcept {
    int32_t id = 0;
    if (s3rec_vocabulary_find(get(), name.data(), name.size(), &id) != S3REC_OK)
      return std::nullopt;
    return id;
  }

  /** All names, each followed by a NUL, and where each begins; borrowed likewise. */
  result<text_view> try_text() const noexcept {
    const char *text = "";
    const int64_t *offsets = nullptr;
    const s3rec_status status = s3rec_vocabulary_text(get(), &text, &offsets);
    if (status != S3REC_OK) return failure(status);
    const std::size_t count = size();
    return text_view(std::string_view(text, static_cast<std::size_t>(offsets[count])),
                     span<const int64_t>(offsets, count + 1));
  }

  /** Ids of many names, -1 for those that are not there; ids.size() must be names.size(). */
  result<void> try_find_many(text_view names, span<int32_t> ids) const noexcept {
    if (!names.consistent()) return detail::refused("names: the offsets do not fit the text");
    if (ids.size() != names.size()) return detail::refused("ids: not as many as names");
    return detail::done(s3rec_vocabulary_find_many(get(), names.text.data(),
                                                   names.offsets.data(), names.size(),
                                                   ids.data()));
  }

#if S3REC_CPP_EXCEPTIONS
  static vocabulary create(const context &context, s3rec_name_kind kind, int32_t first_id,
                           text_view names) {
    return try_create(context, kind, first_id, names).value();
  }
  std::string_view name(int32_t id) const { return try_name(id).value(); }
  text_view text() const { return try_text().value(); }
  void find_many(text_view names, span<int32_t> ids) const { try_find_many(names, ids).value(); }
  std::vector<int32_t> find_many(text_view names) const {
    std::vector<int32_t> ids(names.size());
    find_many(names, ids);
    return ids;
  }
#endif
};

}  // namespace s3rec
#endif
