/* SPDX-License-Identifier: Apache-2.0 */
/* What the interposer counts and makes fail. A program finds its control by
 * dlsym(RTLD_DEFAULT, "s3_fault_control"); for one that knows nothing of it, the environment
 * variable S3_FAULTS sets it before main (interposer.c). */
#ifndef S3_TESTS_FAULTS_CONTROL_H
#define S3_TESTS_FAULTS_CONTROL_H

#include <stdatomic.h>

/* Which of the counted requests fail. */
typedef enum fault_mode {
  FAULT_NONE = 0,
  FAULT_ONCE = 1,  /* the one with the number `at`, from 1 */
  FAULT_FROM = 2,  /* that one and all that follow */
  FAULT_CHANCE = 3 /* each with the chance 1 / at, drawn by its number and the seed */
} fault_mode;

typedef struct fault_well {
  int mode;
  long at;
  unsigned long seed;
  atomic_long count; /* requests while armed */
  atomic_long hits;  /* of these, failed */
} fault_well;

/* Kinds of calls of the system, to be combined. */
enum {
  FAULT_OPEN = 1,      /* open, openat, fopen */
  FAULT_READ = 2,      /* read, pread */
  FAULT_WRITE = 4,     /* write, pwrite */
  FAULT_SYNC = 8,      /* fsync, fdatasync */
  FAULT_RENAME = 16,   /* rename, renameat */
  FAULT_STAT = 32,     /* fstat, fstatat, stat */
  FAULT_MAP = 64,      /* mmap */
  FAULT_CLOSE = 128,   /* close: the descriptor is closed in any case, as Linux does */
  FAULT_MODE = 256,    /* fchmod, fchown */
  FAULT_TRUNCATE = 512,
  FAULT_UNLINK = 1024,
  FAULT_LOCK = 2048,   /* flock */
  FAULT_FLUSH = 4096,  /* fflush */
  FAULT_THREAD = 8192, /* pthread_create */
  FAULT_RANDOM = 16384 /* getrandom */
};

/* What a hit does. */
typedef enum fault_action {
  FAULT_ERROR = 1,       /* fails with `error` */
  FAULT_SHORT = 2,       /* reads or writes half, rounded up */
  FAULT_KILL_BEFORE = 3, /* SIGKILL instead of the call */
  FAULT_KILL_HALF = 4,   /* SIGKILL after half of a write, before any other call */
  FAULT_KILL_AFTER = 5   /* SIGKILL after the call */
} fault_action;

typedef struct fault_control {
  atomic_int armed;  /* counts and fails only while this is not 0 */
  fault_well memory; /* malloc and its kin */
  atomic_long live;  /* blocks that were given and not taken back, armed or not */
  fault_well calls;  /* of the kinds below */
  int kinds, action, error;
} fault_control;

typedef fault_control *fault_control_function(void);

/* The same for memory alone in plain numbers, for other languages: s3_fault_memory sets its well
 * and counts from 0 on, s3_fault_arm sets `armed`, s3_fault_counts reads the counts. */
typedef void fault_memory_function(int mode, long at, unsigned long seed);
typedef void fault_arm_function(int armed);
typedef void fault_counts_function(long *requests, long *hits, long *live);

#endif
