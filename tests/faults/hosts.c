/* SPDX-License-Identifier: Apache-2.0 */
#include "hosts.h"

int host_run(flow *f, const flow_part *part, const char *host) {
  (void)f;
  (void)part;
  (void)host;
  return 2;
}
