/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: context, its hooks, and what this build is. */
#ifndef S3REC_CONTEXT_HPP
#define S3REC_CONTEXT_HPP

#include <string_view>

#include "s3rec/context.h"
#include "s3rec/handle.hpp"

namespace s3rec {

/** Kernel levels, of type s3rec_kernel_level. */
namespace kernels {
inline constexpr s3rec_kernel_level automatic = S3REC_KERNELS_AUTO;
inline constexpr s3rec_kernel_level baseline = S3REC_KERNELS_BASELINE;
inline constexpr s3rec_kernel_level avx2 = S3REC_KERNELS_AVX2;
inline constexpr s3rec_kernel_level avx512 = S3REC_KERNELS_AVX512;
}  // namespace kernels

/** Backends, of type s3rec_backend. */
namespace backend {
inline constexpr s3rec_backend automatic = S3REC_BACKEND_AUTO;
inline constexpr s3rec_backend fused = S3REC_BACKEND_FUSED;
inline constexpr s3rec_backend onednn = S3REC_BACKEND_ONEDNN;
}  // namespace backend

/** Levels of log lines, of type s3rec_log_level. */
namespace log_level {
inline constexpr s3rec_log_level info = S3REC_LOG_INFO;
inline constexpr s3rec_log_level warning = S3REC_LOG_WARNING;
}  // namespace log_level

namespace detail {

/** No exception may cross the library's C frames: who throws in a hook gives `otherwise`. */
template <class R, class F>
R guarded(R otherwise, F &&call) noexcept {
#if defined(__cpp_exceptions)
  try {
    return call();
  } catch (...) {
    return otherwise;
  }
#else
  static_cast<void>(otherwise);
  return call();
#endif
}

}  // namespace detail

/** s3rec_limits with its defaults; strict(): those for files of unknown origin. */
struct limits : s3rec_limits {
  limits() noexcept { s3rec_limits_init(this); }
  static limits strict() noexcept {
    limits made;
    s3rec_limits_init_strict(&made);
    return made;
  }
};

/** s3rec_context_options with its defaults; the hooks may also be callables and objects, which are
 * borrowed: they must outlive the context and all that is made with it. */
struct context_options : s3rec_context_options {
  context_options() noexcept { s3rec_context_options_init(this); }

  /** `function(s3rec_log_level, std::string_view)`. A line on which it throws is lost. */
  template <class F>
  context_options &log_to(F &function) noexcept {
    static_assert(std::is_object_v<F>, "a lambda or an object; plain functions: set `log`");
    log_user_data = address_of(function);
    log = [](s3rec_log_level level, const char *message, void *user_data) {
      detail::guarded(0, [&] {
        (*static_cast<F *>(user_data))(level, std::string_view(message));
        return 0;
      });
    };
    return *this;
  }
  template <class F>
  context_options &log_to(const F &&function) = delete; /* it would be gone at the first line */

  /** An object with `void *allocate(size_t size, size_t alignment)`, which returns nullptr or
   * throws when it has nothing, and `void deallocate(void *memory, size_t size) noexcept`; both
   * may be called from several threads at a time. */
  template <class A>
  context_options &allocate_from(A &allocator) noexcept {
    allocator_user_data = address_of(allocator);
    allocate = [](std::size_t size, std::size_t alignment, void *user_data) {
      return detail::guarded(static_cast<void *>(nullptr), [&]() -> void * {
        return static_cast<A *>(user_data)->allocate(size, alignment);
      });
    };
    deallocate = [](void *memory, std::size_t size, void *user_data) {
      static_assert(noexcept(std::declval<A &>().deallocate(memory, size)));
      static_cast<A *>(user_data)->deallocate(memory, size);
    };
    return *this;
  }
  template <class A>
  context_options &allocate_from(const A &&allocator) = delete; /* as above */

  /** How much a file may make the library read and allocate. The context copies it. */
  context_options &limit_files(const s3rec_limits &files) noexcept {
    limits = &files;
    return *this;
  }
  context_options &limit_files(const s3rec_limits &&files) = delete; /* gone before the context */

 private:
  template <class T>
  static void *address_of(T &object) noexcept {
    return const_cast<void *>(static_cast<const volatile void *>(std::addressof(object)));
  }
};

/** s3rec_context: the root of every handle. */
class context : public handle<s3rec_context, s3rec_context_destroy> {
 public:
  using handle::handle;

  static result<context> try_create(or_default<s3rec_context_options> options = {}) noexcept {
    return detail::make<context>(s3rec_context_create, options.get());
  }
#if S3REC_CPP_EXCEPTIONS
  static context create(or_default<s3rec_context_options> options = {}) {
    return try_create(options).value();
  }
#endif

  /** What AUTO was resolved to. */
  s3rec_kernel_level kernel_level() const noexcept { return s3rec_context_kernel_level(get()); }
  s3rec_backend backend() const noexcept { return s3rec_context_backend(get()); }
};

/** Release that runs, such as "0.2.0". */
inline const char *version() noexcept { return s3rec_version(); }
/** ABI number of the library that runs; S3REC_ABI_VERSION is that of the headers. */
inline int abi_version() noexcept { return s3rec_abi_version(); }
/** One line for bug reports. */
inline std::string build_info() {
  std::string text(static_cast<std::size_t>(s3rec_build_info(nullptr, 0)), '\0');
  s3rec_build_info(text.data(), static_cast<int>(text.size()) + 1);
  return text;
}

}  // namespace s3rec
#endif
