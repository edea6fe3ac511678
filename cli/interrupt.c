/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
  interrupted = 1;
  if (number == SIGHUP) {
    signal(SIGPIPE, SIG_IGN); /* what reads the output has been told to end, too */
  } else if (number != SIGXCPU) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
  }
}

void cli_ignore_file_limit(void) { signal(SIGXFSZ, SIG_IGN); }

void cli_interrupt_install(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    const bool known = sigaction(numbers[i], NULL, &before) == 0;
    if (known && numbers[i] == SIGHUP && before.sa_handler == SIG_IGN) continue;
    sigaction(numbers[i], &action, NULL);
  }
}

bool cli_interrupted(void) { return interrupted != 0; }
