/* SPDX-License-Identifier: Apache-2.0 */
/* A oneDNN that fails when a test says so. The linker gives the calls of lib/dnnl to
 * failing_onednn.c (--wrap, tests/meson.build), which passes them on. */
#ifndef S3_TESTS_FAILING_ONEDNN_H
#define S3_TESTS_FAILING_ONEDNN_H

/* What a call reports, and what the text of the error says of it. */
enum { FAILING_KINDS = 5 };
extern const char *const failing_texts[FAILING_KINDS];

/* Kind `kind` from the n-th call on; 0: no call fails. */
void failing_onednn_set(long n, int kind);

/* True once a call failed since failing_onednn_set. */
int failing_onednn_failed(void);

/* The loaded library has this major version and threading; threading -1: its own both. */
void failing_onednn_pretend(int major, int threading);

/* The major version of the headers. */
int failing_onednn_major(void);

/* The values of `threading` and their names. */
enum { FAILING_THREADINGS = 6 };
extern const int failing_threadings[FAILING_THREADINGS];
extern const char *const failing_threading_names[FAILING_THREADINGS];

/* mprotect, which asks for executable pages, fails with this errno; 0: it does not. */
void failing_mprotect_set(int error);

#endif
