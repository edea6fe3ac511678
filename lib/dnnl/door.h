/* SPDX-License-Identifier: Apache-2.0 */
/* The door to oneDNN's computing: what is set up for the calling thread before a primitive and
 * put back after it. Only files of lib/dnnl and the benchmark's sgemm call it.
 *
 *   OpenMP   oneDNN computes with one OpenMP thread. The thread's own setting is saved,
 *            set to 1 and put back; a few nanoseconds, and no other thread sees it.
 *            Without an OpenMP runtime nothing happens.
 *   signals  Up to 3.11 oneDNN's matrix product lets the stack pointer point into a block
 *            of the heap (oneDNN issue 4845): a signal handler that runs then writes its
 *            frame over the heap. So the thread's signals wait for the end of the product,
 *            about a millisecond, or go to another thread. */
#ifndef S3_DNNL_DOOR_H
#define S3_DNNL_DOOR_H

#include <signal.h>

typedef struct s3_dnnl_host {
  int openmp_threads; /* 0: there is no OpenMP runtime */
  sigset_t signals;
} s3_dnnl_host;

s3_dnnl_host s3_dnnl_enter(void);
void s3_dnnl_leave(s3_dnnl_host host);

#endif
