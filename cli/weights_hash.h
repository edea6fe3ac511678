/* SPDX-License-Identifier: Apache-2.0 */
/* Tells whether two models have the same weights. */
#ifndef CLI_WEIGHTS_HASH_H
#define CLI_WEIGHTS_HASH_H

#include "s3rec/s3rec.h"

enum { CLI_HASH_SIZE = 17 }; /* 64 bits as hexadecimal digits */

/* Of names, shapes and values of all parameters, the same on every machine. On
 * failure prints a message and returns an exit code. */
int cli_weights_hash(const s3rec_model *model, char hash[CLI_HASH_SIZE]);

#endif
