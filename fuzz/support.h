/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share: claims that end the program when they do not hold, a context whose
 * memory is counted, choices out of the input's bytes, and files in memory. */
#ifndef S3_FUZZ_SUPPORT_H
#define S3_FUZZ_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s3rec/workshop.h"

/* What the fuzzer calls. Each target has the first; some have the second, which makes another
 * input out of one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned int seed);
/* The fuzzer's own, or that of replay.c. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);

/* Ends the program with a text, which the fuzzer reports as a finding, unless the claim holds. */
#define fuzz_claim(claim, ...)                                              \
  do {                                                                      \
    if (!(claim)) fuzz_fail(__FILE__, __LINE__, #claim, __VA_ARGS__);       \
  } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *claim, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For calls that nothing in the input can make fail. */
#define fuzz_ok(call)                                                                \
  do {                                                                               \
    const s3rec_status fuzz_status = (call);                                         \
    fuzz_claim(fuzz_status == S3REC_OK, "%s: %s: %s", #call,                         \
               s3rec_status_name(fuzz_status), s3rec_last_error());                  \
  } while (0)

/* True for success. A failure must have a status that exists, other than MEMORY, THREAD and
 * ENGINE, for which no input is the reason, and a text of one line. */
bool fuzz_succeeds(s3rec_status status);

/* A context over the counting allocator. `strict`: with the limits for files of unknown origin. An
 * input that makes the library hold more than 512 MB is a finding. */
s3rec_context *fuzz_context(int32_t threads, bool strict);

/* Bytes that all contexts hold now. What an input allocates must be gone after it. */
size_t fuzz_held(void);
/* The most that was held since the last call of fuzz_peak_reset. */
void fuzz_peak_reset(void);
size_t fuzz_peak(void);
/* Since fuzz_peak_reset the library held at most `constant` + `factor` * `size` more than
 * `held`. */
void fuzz_claim_bounded(size_t held, size_t constant, size_t factor, size_t size);

/* Choices out of bytes; when they are used up, all are 0. */
typedef struct fuzz_bytes {
  const uint8_t *at;
  size_t left;
} fuzz_bytes;
uint8_t fuzz_byte(fuzz_bytes *bytes);
uint32_t fuzz_u32(fuzz_bytes *bytes);
/* 0..count-1, of two bytes. */
uint32_t fuzz_below(fuzz_bytes *bytes, uint32_t count);
/* A number of the bytes, to choose by where the input is a file and nothing else. */
uint64_t fuzz_hash(const uint8_t *data, size_t size);

/* A path in a folder of the process that is removed at its end; valid until the 8th call after. */
const char *fuzz_path(const char *name);
const char *fuzz_write(const char *name, const void *data, size_t size);
/* A whole file; free() it. */
uint8_t *fuzz_read(const char *path, size_t *size);
bool fuzz_same_files(const char *path, const char *other);
/* The bytes as gzip in `parts` parts, one after the other; free() it. */
uint8_t *fuzz_gzip(const uint8_t *data, size_t size, size_t parts, size_t *gzip_size);

#endif
