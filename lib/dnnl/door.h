/* SPDX-License-Identifier: Apache-2.0 */
#ifndef S3_BASE_OPENMP_H
#define S3_BASE_OPENMP_H

/* oneDNN is always called with one OpenMP thread. Enter saves the calling
 * thread's own OpenMP setting and sets 1, leave puts it back; both are a few
 * nanoseconds and touch no other thread. Without an OpenMP runtime they do
 * nothing. */
typedef struct s3_openmp_state {
  int thread_count;
} s3_openmp_state;
s3_openmp_state s3_openmp_enter(void);
void s3_openmp_leave(s3_openmp_state state);

#endif
