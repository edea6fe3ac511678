/* SPDX-License-Identifier: Apache-2.0 */
/* Up to 3.11 oneDNN's matrix product lets the stack pointer point into a block of the heap
 * (oneDNN issue 4845): a signal handler that runs then writes its frame over the heap.
 * So no handler runs on a thread while it computes in oneDNN; a signal waits for the end
 * of the one product, about a millisecond, or goes to another thread. */
#ifndef S3_DNNL_SIGNALS_H
#define S3_DNNL_SIGNALS_H

#include <pthread.h>
#include <signal.h>

/* Faults are the thread's own doing and do not wait. */
static inline sigset_t s3_hold_signals(void) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  sigset_t held, before;
  sigfillset(&held);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&held, faults[i]);
  pthread_sigmask(SIG_BLOCK, &held, &before);
  return before;
}

static inline void s3_release_signals(sigset_t before) {
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

#endif
