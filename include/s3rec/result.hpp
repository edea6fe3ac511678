/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Failures in C++: as values, and as exceptions on top of them. Calls that return a result throw
 * nothing. Others may throw std::bad_alloc beside s3rec::error: what they return is a std::vector
 * or std::string, or the exception has no memory for its text. Nothing is then lost or half
 * done. */
#ifndef S3REC_RESULT_HPP
#define S3REC_RESULT_HPP

#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "s3rec/status.h"

/** 1: calls that throw are declared beside those that return a result. Define S3REC_NO_EXCEPTIONS
 * to be without them although the compiler has exceptions. */
#if defined(__cpp_exceptions) && !defined(S3REC_NO_EXCEPTIONS)
#define S3REC_CPP_EXCEPTIONS 1
#include <stdexcept>
#else
#define S3REC_CPP_EXCEPTIONS 0
#endif

namespace s3rec {

/** Statuses by name, of type s3rec_status. */
namespace status {
inline constexpr s3rec_status ok = S3REC_OK;
inline constexpr s3rec_status argument = S3REC_ERROR_ARGUMENT;
inline constexpr s3rec_status not_found = S3REC_ERROR_NOT_FOUND;
inline constexpr s3rec_status memory = S3REC_ERROR_MEMORY;
inline constexpr s3rec_status io = S3REC_ERROR_IO;
inline constexpr s3rec_status format = S3REC_ERROR_FORMAT;
inline constexpr s3rec_status mismatch = S3REC_ERROR_MISMATCH;
inline constexpr s3rec_status limit = S3REC_ERROR_LIMIT;
inline constexpr s3rec_status state = S3REC_ERROR_STATE;
inline constexpr s3rec_status numeric = S3REC_ERROR_NUMERIC;
inline constexpr s3rec_status engine = S3REC_ERROR_ENGINE;
inline constexpr s3rec_status unsupported = S3REC_ERROR_UNSUPPORTED;
inline constexpr s3rec_status thread = S3REC_ERROR_THREAD;
}  // namespace status

/** Why a call failed: its status and the library's text, which it keeps. */
class failure {
 public:
  /** No failure. */
  failure() noexcept = default;
  /** With the detail of the calling thread's last failure. */
  explicit failure(s3rec_status status) noexcept : failure(status, s3rec_last_error()) {}
  failure(s3rec_status status, const char *detail) noexcept : status_(status) {
    const std::size_t size = std::strlen(detail) + 1;
    detail_.reset(new (std::nothrow) char[size]);
    if (detail_) std::memcpy(detail_.get(), detail, size);
  }

  s3rec_status status() const noexcept { return status_; }
  /** Such as "S3REC_ERROR_FORMAT". */
  const char *status_name() const noexcept { return s3rec_status_name(status_); }
  /** As s3rec_last_error(); the status's name when there was no memory for a copy. */
  const char *detail() const noexcept {
    if (detail_) return detail_.get();
    return status_ == S3REC_OK ? "" : status_name();
  }

 private:
  s3rec_status status_ = S3REC_OK;
  std::unique_ptr<char[]> detail_;
};

#if S3REC_CPP_EXCEPTIONS
/** A failure that is thrown; what() is the detail. */
class error : public std::runtime_error {
 public:
  explicit error(const failure &why) : std::runtime_error(why.detail()), status_(why.status()) {}

  s3rec_status status() const noexcept { return status_; }
  const char *status_name() const noexcept { return s3rec_status_name(status_); }

 private:
  s3rec_status status_;
};
#endif

/** A value or the failure that kept it from being there. The names are those of C++23's
 * std::expected. */
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) noexcept : value_(std::move(value)) {}
  result(failure why) noexcept : failure_(std::move(why)) {}

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  s3rec_status status() const noexcept { return failure_.status(); }
  const failure &error() const & noexcept { return failure_; }
  failure &&error() && noexcept { return std::move(failure_); }

  /** Only where has_value(). */
  T &operator*() & noexcept { return *value_; }
  const T &operator*() const & noexcept { return *value_; }
  T &&operator*() && noexcept { return *std::move(value_); }
  T *operator->() noexcept { return &*value_; }
  const T *operator->() const noexcept { return &*value_; }

  template <class U>
  T value_or(U &&otherwise) && {
    return std::move(value_).value_or(std::forward<U>(otherwise));
  }

#if S3REC_CPP_EXCEPTIONS
  /** The value, or throws s3rec::error. */
  T &value() & { return check(), *value_; }
  const T &value() const & { return check(), *value_; }
  T value() && { return check(), *std::move(value_); }
#endif

 private:
#if S3REC_CPP_EXCEPTIONS
  void check() const {
    if (!value_) throw s3rec::error(failure_);
  }
#endif

  std::optional<T> value_;
  failure failure_;
};

/** Whether it went well, and if not why. */
template <>
class [[nodiscard]] result<void> {
 public:
  result() noexcept = default;
  result(failure why) noexcept : failure_(std::move(why)) {}

  bool has_value() const noexcept { return status() == S3REC_OK; }
  explicit operator bool() const noexcept { return has_value(); }
  s3rec_status status() const noexcept { return failure_.status(); }
  const failure &error() const & noexcept { return failure_; }
  failure &&error() && noexcept { return std::move(failure_); }

#if S3REC_CPP_EXCEPTIONS
  /** Throws s3rec::error after a failure. */
  void value() const {
    if (!has_value()) throw s3rec::error(failure_);
  }
#endif

 private:
  failure failure_;
};

namespace detail {

inline result<void> done(s3rec_status status) noexcept {
  if (status != S3REC_OK) return failure(status);
  return {};
}

template <class T>
result<T> done(s3rec_status status, T value) noexcept {
  if (status != S3REC_OK) return failure(status);
  return value;
}

/** An argument that C++ alone can judge: sizes of views. */
inline failure refused(const char *detail) noexcept {
  return failure(S3REC_ERROR_ARGUMENT, detail);
}

}  // namespace detail
}  // namespace s3rec
#endif
