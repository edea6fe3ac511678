/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that ask for an end. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/* At the start of the tool: a file that grows over the limit of the shell (ulimit -f) is a failed
 * write with a text, and not the end of the process within the write. */
void cli_ignore_file_limit(void);

/* From now on the first of Ctrl-C, SIGTERM, SIGHUP (the terminal is closed) and SIGXCPU (ulimit -t)
 * asks for an end. A second Ctrl-C or SIGTERM ends the process at once. The other two do not: a
 * closed terminal may send SIGHUP twice, and SIGXCPU comes again every second. Under nohup SIGHUP
 * stays ignored. */
void cli_interrupt_install(void);
bool cli_interrupted(void);

#endif
