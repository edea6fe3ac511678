/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts with other floating-point modes, locales, stacks and signals than a plain program. */
#ifndef S3_TESTS_FAULTS_HOSTS_H
#define S3_TESTS_FAULTS_HOSTS_H

#include "flow.h"

/* Runs a part in a host that the text names; an exit status. */
int host_run(flow *f, const flow_part *part, const char *host);

#endif
