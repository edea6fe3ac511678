/* SPDX-License-Identifier: Apache-2.0 */
/* Progress of training on stderr: a bar if stderr is a terminal. */
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
  uint64_t first_step; /* first step of this process, counted from the start of the phase */
  uint64_t sequences;  /* of this process */
} cli_progress;

double cli_now(void);

/* `title` must outlive the progress. */
void cli_progress_begin(cli_progress *progress, const char *title, uint64_t first_step);

/* Draws the bar after a step, at most ten times a second. The first step of an epoch has `step` 0.
 * `losses` is a short text. */
void cli_progress_step(cli_progress *progress, int32_t epoch, int32_t epochs, size_t step,
                       size_t steps, size_t sequences, const char *losses);

/* Removes the bar, so that a line can be printed. */
void cli_progress_clear(void);

#endif
