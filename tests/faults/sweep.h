/* SPDX-License-Identifier: Apache-2.0 */
/* One part of the flow again and again, each time in a process of its own with another fault. */
#ifndef S3_TESTS_FAULTS_SWEEP_H
#define S3_TESTS_FAULTS_SWEEP_H

#include "flow.h"

typedef struct sweep {
  const flow_part *part;
  flow flow;            /* what every process begins with */
  bool memory;          /* the requests for memory fail, otherwise calls of the system */
  int mode;             /* fault_mode */
  int kinds, action, error;
  long most;            /* at most so many different faults, spread evenly */
  bool invisible;       /* the fault must not make a call of the library fail */
} sweep;

/* Prints what happened as one line of JSON; false when no process could be made. */
bool sweep_run(sweep *s);

#endif
