/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * What all classes of the C++ interface share: ownership, and kinds of arguments. */
#ifndef S3REC_HANDLE_HPP
#define S3REC_HANDLE_HPP

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "s3rec/result.hpp"
#include "s3rec/span.hpp"

namespace s3rec {

/** Owner of one C handle: as large as its pointer, movable, not copyable, destroys it once. A
 * default-constructed or moved-from one is empty; calls on it fail with status ARGUMENT. */
template <class T, void (*Destroy)(T *)>
class handle {
 public:
  using c_type = T;

  handle() noexcept = default;
  /** Takes over what a C call made. */
  explicit handle(T *made) noexcept : owned_(made) {}

  /** For C calls; stays owned here. */
  T *get() const noexcept { return owned_.get(); }
  /** Gives it away: the caller destroys it. */
  [[nodiscard]] T *release() noexcept { return owned_.release(); }
  /** Destroys it now. */
  void reset() noexcept { owned_.reset(); }
  explicit operator bool() const noexcept { return owned_ != nullptr; }

 private:
  struct destroyer {
    void operator()(T *made) const noexcept { Destroy(made); }
  };
  std::unique_ptr<T, destroyer> owned_;
};

/** Text that ends with NUL, borrowed for one call: a literal, a std::string, on POSIX systems a
 * std::filesystem::path; nullptr where a call says that there may be none. */
class c_string {
 public:
  constexpr c_string(const char *text) noexcept : text_(text) {}
  constexpr c_string(std::nullptr_t) noexcept {}
  template <class S, class = std::enable_if_t<std::is_convertible_v<
                         decltype(std::declval<const S &>().c_str()), const char *>>>
  c_string(const S &text) noexcept : text_(text.c_str()) {}

  constexpr const char *get() const noexcept { return text_; }

 private:
  const char *text_ = nullptr;
};

/** Options, borrowed for one call, or {} for the defaults. */
template <class T>
class or_default {
 public:
  constexpr or_default() noexcept = default;
  constexpr or_default(const T &options) noexcept : options_(&options) {}

  constexpr const T *get() const noexcept { return options_; }

 private:
  const T *options_ = nullptr;
};

namespace detail {

/** Calls `call(arguments..., &made)` and owns what it made. */
template <class H, class... P, class... A>
result<H> make(s3rec_status (*call)(P...), A... arguments) noexcept {
  typename H::c_type *made = nullptr;
  const s3rec_status status = call(arguments..., &made);
  if (status != S3REC_OK) return failure(status);
  return H(made);
}

}  // namespace detail
}  // namespace s3rec
#endif
