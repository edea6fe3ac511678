/* SPDX-License-Identifier: Apache-2.0 */
/* Progress of training on stderr: a bar on a terminal, else a line an epoch. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cli_progress {
  bool bar;
  const char *title;   /* before the number of the epoch */
  double begun;        /* seconds of the monotonic clock */
  double shown;        /* when the bar was drawn last */
  uint64_t first_step; /* where this run began, over all epochs of the phase */
  uint64_t sequences;  /* of this run */
} cli_progress;

double cli_now(void);

/* `title` must outlive the progress. */
void cli_progress_begin(cli_progress *progress, const char *title, uint64_t first_step);

/* After a step: draws the bar, at most ten times a second. `step` counts from
 * the start of the epoch (from 0), `losses` is a short text. */
void cli_progress_step(cli_progress *progress, int32_t epoch, int32_t epochs, size_t step,
                       size_t steps, size_t sequences, const char *losses);

/* Takes the bar away, so that a line can be printed. */
void cli_progress_clear(void);

#endif
