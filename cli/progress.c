/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 24, LINE_SIZE = 512 };

static bool drawn; /* there is a bar on the terminal's last line */

double cli_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_progress_begin(cli_progress *progress, const char *title, uint64_t first_step) {
  const double now = cli_now();
  *progress = (cli_progress){.bar = isatty(STDERR_FILENO) == 1,
                             .title = title,
                             .begun = now,
                             .shown = now,
                             .first_step = first_step};
}

static void print_time_left(double seconds, char *text, size_t capacity) {
  const long whole = (long)(seconds + 0.5);
  if (whole < 3600)
    snprintf(text, capacity, "%ld:%02ld", whole / 60, whole % 60);
  else
    snprintf(text, capacity, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
}

static int terminal_width(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col < LINE_SIZE ? size.ws_col : LINE_SIZE - 1;
}

static void draw_progress_line(const char *line) {
  /* The last column is left empty: on some terminals a full line would scroll. */
  fprintf(stderr, "\r%.*s\033[K", terminal_width() - 1, line);
  fflush(stderr);
  drawn = true;
}

void cli_progress_step(cli_progress *progress, int32_t epoch, int32_t epochs, size_t step,
                       size_t steps, size_t sequences, const char *losses) {
  progress->sequences += sequences;
  const double now = cli_now();
  if (!progress->bar || now - progress->shown < 0.1) return;
  progress->shown = now;
  const uint64_t done = (uint64_t)epoch * steps + step + 1;
  const uint64_t total = (uint64_t)epochs * steps;
  const double elapsed = now - progress->begun;
  const double left = elapsed * (double)(total - done) / (double)(done - progress->first_step);
  char bar[BAR_WIDTH + 1], eta[32], line[LINE_SIZE];
  const size_t filled = (step + 1) * BAR_WIDTH / steps;
  memset(bar, '.', BAR_WIDTH);
  memset(bar, '#', filled);
  bar[BAR_WIDTH] = '\0';
  print_time_left(left, eta, sizeof eta);
  snprintf(line, sizeof line, "%s %d/%d [%s] %zu/%zu  %.0f seq/s  ETA %s  %s", progress->title,
           (int)epoch + 1, (int)epochs, bar, step + 1, steps, (double)progress->sequences / elapsed,
           eta, losses);
  draw_progress_line(line);
}

void cli_progress_clear(void) {
  if (!drawn) return;
  fputs("\r\033[K", stderr);
  drawn = false;
}
