/* SPDX-License-Identifier: Apache-2.0 */
/* oneDNN's status codes as ours. Only for files of this folder. */
#ifndef S3_DNNL_STATUS_H
#define S3_DNNL_STATUS_H

#include <oneapi/dnnl/dnnl.h>

#include "base/error.h"

/* OK, or ENGINE with a text that names `operation`, the code and its likely
 * cause. */
s3rec_status s3_dnnl_status(dnnl_status_t status, const char *operation);

/* Leaves the function when the oneDNN call fails; the text names the call. */
#define S3_TRY_DNNL(operation, call) S3_TRY(s3_dnnl_status((call), (operation)))

#endif
