/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Pointer and size in one: std::span from C++20 on, before that a class that behaves like it. */
#ifndef S3REC_SPAN_HPP
#define S3REC_SPAN_HPP

#include <cstddef>

#if defined(__has_include) && __cplusplus >= 202002L
#if __has_include(<span>)
#include <span>
#endif
#endif

#if !defined(__cpp_lib_span)
#include <iterator>
#include <type_traits>
#include <utility>
#endif

namespace s3rec {

#if defined(__cpp_lib_span)

template <class T>
using span = std::span<T>;

#else

/** Elements that belong to somebody else; copied as a pointer and a size. Made of a pointer and a
 * size, an array, or anything with data() and size(): std::vector, std::array, std::span. */
template <class T>
class span {
  template <class C>
  using elements_of = std::remove_pointer_t<decltype(std::data(std::declval<C &>()))>;

  /* Only const is added, and a temporary only seen as const: as std::span has it. */
  template <class C>
  using if_container = std::enable_if_t<
      !std::is_array_v<std::remove_reference_t<C>> &&
      !std::is_same_v<std::remove_cv_t<std::remove_reference_t<C>>, span> &&
      (std::is_lvalue_reference_v<C> || std::is_const_v<T>) &&
      std::is_convertible_v<elements_of<C> (*)[], T (*)[]> &&
      std::is_convertible_v<decltype(std::size(std::declval<C &>())), std::size_t>>;

 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using iterator = T *;

  constexpr span() noexcept = default;
  constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

  template <class U, std::size_t N,
            class = std::enable_if_t<std::is_convertible_v<U (*)[], T (*)[]>>>
  constexpr span(U (&array)[N]) noexcept : data_(array), size_(N) {}

  template <class C, class = if_container<C>>
  constexpr span(C &&container) noexcept
      : data_(std::data(container)), size_(std::size(container)) {}

  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }
  constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }
  constexpr T &front() const noexcept { return data_[0]; }
  constexpr T &back() const noexcept { return data_[size_ - 1]; }

  constexpr span first(std::size_t count) const noexcept { return {data_, count}; }
  constexpr span last(std::size_t count) const noexcept { return {data_ + size_ - count, count}; }
  constexpr span subspan(std::size_t offset) const noexcept {
    return {data_ + offset, size_ - offset};
  }
  constexpr span subspan(std::size_t offset, std::size_t count) const noexcept {
    return {data_ + offset, count};
  }

 private:
  T *data_ = nullptr;
  std::size_t size_ = 0;
};

#endif

}  // namespace s3rec
#endif
