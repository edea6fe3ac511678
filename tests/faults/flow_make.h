/* SPDX-License-Identifier: Apache-2.0 */
/* What several parts begin with. Each leaves its handle NULL when the flow ends there. */
#ifndef S3_TESTS_FAULTS_FLOW_MAKE_H
#define S3_TESTS_FAULTS_FLOW_MAKE_H

#include "flow.h"

void flow_make_context(flow *f);
void flow_make_dataset(flow *f); /* with its context */
void flow_make_model(flow *f);   /* with both */

#endif
