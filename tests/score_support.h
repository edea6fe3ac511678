/* SPDX-License-Identifier: Apache-2.0 */
/* Models and histories for the scoring suites. */
#ifndef S3_TESTS_SCORE_SUPPORT_H
#define S3_TESTS_SCORE_SUPPORT_H

#include "base/random.h"
#include "s3rec/s3rec.h"
#include "support/hooks.h"
#include "support/suite.h"

#define ASSERT_OK(call)                                                            \
  do {                                                                             \
    const s3rec_status assert_status = (call);                                     \
    ck_assert_msg(assert_status == S3REC_OK, "%s: %s: %s", #call,                  \
                  s3rec_status_name(assert_status), s3rec_last_error());           \
  } while (0)

/* The status, and that the text holds `part`. */
#define ASSERT_FAILS(call, expected, part)                                                    \
  do {                                                                                        \
    const s3rec_status assert_status = (call);                                                \
    ck_assert_msg(assert_status == (expected), "%s: %s instead of %s", #call,                 \
                  s3rec_status_name(assert_status), s3rec_status_name(expected));             \
    ck_assert_msg(strstr(s3rec_last_error(), (part)) != NULL, "%s: \"%s\" lacks \"%s\"", #call, \
                  s3rec_last_error(), (part));                                                \
  } while (0)

s3rec_context *score_context(s3rec_backend backend, s3rec_kernel_level level,
                             int32_t thread_count, test_hooks *hooks);

/* Runs `check` in a context of both backends and every level of this machine. */
void score_every_context(void (*check)(s3rec_context *context));

/* The same with every scan; those with oneDNN's primitives, which only encode, with the
 * default one. score_create makes scorers with the scan that is on. */
void score_every_scan(void (*check)(s3rec_context *context));
s3rec_scorer *score_create(s3rec_model *model);

/* Two layers, two heads, weights wide enough that scores differ clearly. */
s3rec_model *score_model(s3rec_context *context, int32_t item_size, int32_t max_seq_length,
                         int32_t hidden_size);

/* Makes row `to` of the item table equal to row `from`; the model has no scorer. */
void score_copy_item(s3rec_model *model, int32_t from, int32_t to);

/* A history of `count` ids of first..last, with repeats. */
void score_draw_history(s3_random *random, int32_t first, int32_t last, int32_t *ids,
                        size_t count);

#endif
