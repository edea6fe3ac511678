/* SPDX-License-Identifier: Apache-2.0 */
/* Ctrl-C and SIGTERM: the first one asks for an end, the second one ends the process at once. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

void cli_interrupt_install(void);
bool cli_interrupted(void);

#endif
