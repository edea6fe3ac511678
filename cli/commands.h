/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli.h"

/* Ends with a row without a name. */
extern const cli_command cli_commands[];

#endif
