/* SPDX-License-Identifier: Apache-2.0 */
/* The door to oneDNN: only lib/dnnl includes its headers, and nothing outside
 * knows which version it is. */
#ifndef S3_DNNL_ENGINE_H
#define S3_DNNL_ENGINE_H

#include "base/context.h"

/* Fails (ENGINE) when the library at run time is of another major version than
 * the headers compiled against. */
s3rec_status s3_dnnl_check(void);

/* "oneDNN 2.6.3, OpenMP". Its instruction set is not asked for: oneDNN reads its environment
 * variables for that, in memory that it takes without a check. */
void s3_dnnl_describe(char *text, size_t capacity);

/* Fails (ENGINE) when the process may not have executable memory. Without it oneDNN
 * says nothing and computes by other code, slowly and with other last bits. */
s3rec_status s3_dnnl_may_generate(void);

#endif
