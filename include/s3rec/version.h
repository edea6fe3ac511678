/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Release number, ABI number and what this build can do. */
#ifndef S3REC_VERSION_H
#define S3REC_VERSION_H

/** Release number: the only place where it is written. meson.build reads the
 * four macros below for the file version, the soname and s3rec.pc. Since 0.1. */
#define S3REC_VERSION_MAJOR 0
#define S3REC_VERSION_MINOR 3 /**< grows with every feature */
#define S3REC_VERSION_PATCH 0 /**< grows with every repair */

/** Grows by one when a program built against an older header would break; it is
 * the number in libs3rec.so.N. Since 0.1. */
#define S3REC_ABI_VERSION 1

#if defined(_WIN32)
#define S3REC_API
#elif defined(__GNUC__)
#define S3REC_API __attribute__((visibility("default")))
#else
#define S3REC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Text of the release that runs, such as "0.3.0". Static storage; any thread.
 * Since 0.1. */
S3REC_API const char *s3rec_version(void);

/** ABI number of the library that runs; compare with S3REC_ABI_VERSION to find a
 * header and a library that do not belong together. Any thread. Since 0.1. */
S3REC_API int s3rec_abi_version(void);

/** One line for bug reports: release, version and threading of oneDNN, the
 * kernel levels that this build holds and the one this machine would get.
 * Writes at most `capacity` bytes including the final NUL to `text` (may be NULL
 * when capacity is 0 or less) and returns the length of the whole line, as
 * snprintf does. Any thread. Since 0.1. */
S3REC_API int s3rec_build_info(char *text, int capacity);

#ifdef __cplusplus
}
#endif
#endif
