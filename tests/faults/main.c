/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the flow from the command line.
 *
 * usage: flow sweep FILES WORK PART THREADS BACKEND WELL MODE MOST [KINDS ACTION ERROR INVISIBLE]
 *        flow plain FILES WORK PART THREADS BACKEND
 *        flow parts
 *
 * FILES: folder of the inputs; WORK: folder that is written to and emptied. WELL: memory or calls.
 * The numbers are those of control.h. `plain` ends at the first failure with status 3 and its
 * text, and prints the digest otherwise. */
#include <stdlib.h>

#include "hosts.h"
#include "sweep.h"

static long number(const char *text) { return strtol(text, NULL, 10); }

static int plain(flow *f, const flow_part *part) {
  static flow_result result;
  f->result = &result;
  f->faults = flow_faults();
  flow_run(f, part);
  if (result.problem[0] != '\0') fprintf(stderr, "%s\n", result.problem);
  if (result.problem[0] != '\0') return 4;
  if (result.failures != 0) return 3;
  printf("%016llx\n", (unsigned long long)result.digest);
  return 0;
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "parts") == 0) {
    const flow_part *const lists[] = {flow_data_parts, flow_training_parts, flow_serving_parts};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
      for (const flow_part *part = lists[i]; part->name != NULL; part++)
        printf("%s %d\n", part->name, part->threaded ? 2 : 1);
    return 0;
  }
  const flow_part *const part = count >= 7 ? flow_part_find(arguments[4]) : NULL;
  if (part == NULL) return 2;
  flow f = {.files = arguments[2],
            .work = arguments[3],
            .threads = (int32_t)number(arguments[5]),
            .backend = (s3rec_backend)number(arguments[6]),
            .allowed = FLOW_MEMORY | FLOW_IO | FLOW_THREAD};
  if (strcmp(arguments[1], "plain") == 0) return plain(&f, part);
  if (strcmp(arguments[1], "host") == 0 && count == 8) return host_run(&f, part, arguments[7]);
  if (strcmp(arguments[1], "sweep") != 0 || count < 10) return 2;
  sweep s = {.part = part,
             .flow = f,
             .memory = strcmp(arguments[7], "memory") == 0,
             .mode = (int)number(arguments[8]),
             .most = number(arguments[9])};
  s.flow.retry = true;
  s.flow.allowed = s.memory ? FLOW_MEMORY | FLOW_THREAD : FLOW_MEMORY | FLOW_IO | FLOW_THREAD;
  if (!s.memory && count == 14) {
    s.kinds = (int)number(arguments[10]);
    s.action = (int)number(arguments[11]);
    s.error = (int)number(arguments[12]);
    s.invisible = number(arguments[13]) != 0;
  }
  return sweep_run(&s) ? 0 : 1;
}
