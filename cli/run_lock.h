/* SPDX-License-Identifier: Apache-2.0 */
/* One run at a time on a file. */
#ifndef CLI_RUN_LOCK_H
#define CLI_RUN_LOCK_H

#include <stddef.h>

#include "output.h"

/* Descriptors that hold the locks; all zeros: none. */
typedef struct cli_run_locks {
  int folders[8];
  size_t count;
} cli_run_locks;

/* Locks every file of `places` that will be written, until the locks are closed or the process
 * ends. Prints why and fails if another run has one of them; then the caller closes, too. A place
 * that cannot be locked (a device, a missing folder, a system without these locks) is passed over:
 * cli_check_places says what is wrong with it. */
int cli_lock_places(const cli_place *places, size_t count, cli_run_locks *locks);
void cli_close_locks(cli_run_locks *locks);

#endif
