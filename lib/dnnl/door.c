/* SPDX-License-Identifier: Apache-2.0 */
#include "dnnl/door.h"

#include <dlfcn.h> /* RTLD_DEFAULT needs _GNU_SOURCE, which the build sets */
#include <pthread.h>
#include <stddef.h>
#include <string.h>

/* The OpenMP runtime that oneDNN was linked with, if any. It is looked up rather
 * than linked, because a second runtime in a host that has one already costs
 * speed and even correctness. The default scope of the lookup is the one in
 * which oneDNN's own references were bound, also when the host opened this
 * library RTLD_LOCAL, so both see the same runtime.
 *
 * Written once, the same for every caller, and never seen outside: a cache of
 * two lookups that would cost more than the small products between them. */
typedef struct openmp_runtime {
  int (*get_max_threads)(void);
  void (*set_num_threads)(int);
} openmp_runtime;
static openmp_runtime openmp;
static pthread_once_t openmp_once = PTHREAD_ONCE_INIT;

static void find_openmp(void) {
  void *get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
  void *set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (get == NULL || set == NULL) return;
  /* ISO C has no conversion from void * to a function pointer; POSIX gives both
   * the same representation. */
  memcpy(&openmp.get_max_threads, &get, sizeof get);
  memcpy(&openmp.set_num_threads, &set, sizeof set);
}

/* Faults are the thread's own doing and do not wait. */
static sigset_t hold_signals(void) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  sigset_t held, before;
  sigfillset(&held);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&held, faults[i]);
  pthread_sigmask(SIG_BLOCK, &held, &before);
  return before;
}

s3_dnnl_host s3_dnnl_enter(void) {
  s3_dnnl_host host = {.openmp_threads = 0, .signals = hold_signals()};
  pthread_once(&openmp_once, find_openmp);
  if (openmp.set_num_threads == NULL) return host;
  host.openmp_threads = openmp.get_max_threads();
  if (host.openmp_threads != 1) openmp.set_num_threads(1);
  return host;
}

void s3_dnnl_leave(s3_dnnl_host host) {
  if (host.openmp_threads > 1) openmp.set_num_threads(host.openmp_threads);
  pthread_sigmask(SIG_SETMASK, &host.signals, NULL);
}
