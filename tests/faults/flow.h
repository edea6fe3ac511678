/* SPDX-License-Identifier: Apache-2.0 */
/* The library's calls, one after the other, each under faults. A call that fails is judged (its
 * status, its text, its outputs, the signal mask, the floating-point modes) and made again without
 * faults: it must succeed, and in the end everything has the bits of a flow without faults. */
#ifndef S3_TESTS_FAULTS_FLOW_H
#define S3_TESTS_FAULTS_FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "s3rec/s3rec.h"

/* What a process tells its parent, in memory that they share. */
typedef struct flow_result {
  long memory, calls; /* requests counted */
  long hits;          /* of these, failed */
  long failures;      /* calls of the library that failed */
  long live;          /* blocks that were left over */
  uint64_t digest;    /* of all that was computed and written */
  bool ended;
  char problem[512];  /* the first promise that was broken */
} flow_result;

typedef struct flow {
  const char *files;    /* folder of the inputs, which are only read */
  const char *work;     /* folder that is written to */
  int32_t threads;
  s3rec_backend backend;
  bool retry;           /* false: the first failure ends the flow */
  unsigned allowed;     /* statuses of a failure: bits of flow_group */
  fault_control *faults;
  flow_result *result;

  s3rec_context *context;
  s3rec_events *events;
  s3rec_dataset *dataset;
  s3rec_vocabulary *names;
  s3rec_model *model, *other;
  s3rec_sampler *sampler;
  s3rec_batch *batch;
  s3rec_trainer *trainer;
  s3rec_run *run;
  s3rec_run_state *state;
  s3rec_scorer *scorer;
  s3rec_recommender *recommender;
  s3rec_filter *filter;
  s3rec_answer *answer;
} flow;

enum { FLOW_MEMORY = 1, FLOW_IO = 2, FLOW_THREAD = 4 };

/* A piece of the flow. Handles that it leaves in the flow are destroyed after it. */
typedef struct flow_part {
  const char *name;
  void (*run)(flow *f);
  bool threaded; /* worth running with two threads too */
} flow_part;

extern const flow_part flow_data_parts[], flow_training_parts[], flow_serving_parts[];
/* NULL for an unknown name. */
const flow_part *flow_part_find(const char *name);

/* Control of the interposer, or one without effect where it is not loaded. */
fault_control *flow_faults(void);
/* Runs a part from its beginning to the destruction of all handles. */
void flow_run(flow *f, const flow_part *part);

/* Path of an input or of a file to write; valid until the 8th call after it. */
const char *flow_input(const flow *f, const char *name);
const char *flow_output(const flow *f, const char *name);

/* Add to the digest. */
void flow_add(flow *f, const void *bytes, size_t size);
void flow_add_file(flow *f, const char *path);
void flow_add_model(flow *f, const s3rec_model *model);
/* Hash of a file; 0: there is none. */
uint64_t flow_file_hash(const char *path);

/* Around a call; FLOW_TRY is how to use them. */
void flow_arm(flow *f);
bool flow_judge(flow *f, s3rec_status status, const char *call);
bool flow_again(flow *f, s3rec_status status, const char *call);
void flow_problem(flow *f, const char *call, const char *what);
typedef struct flow_save {
  const char *path;
  uint64_t before, failed;
} flow_save;
void flow_save_failed(flow_save *save);
void flow_save_done(flow *f, const flow_save *save, const char *call);

/* Makes a call; `out` is a variable or an array that a failure must leave as it is. The function
 * that uses it returns when the flow ends with this failure. */
#define FLOW_TRY_OUT(f, out, call)                                       \
  do {                                                                   \
    char before_[sizeof(out)];                                           \
    memcpy(before_, &(out), sizeof(out));                                \
    flow_arm(f);                                                         \
    if (!flow_judge((f), (call), #call)) {                               \
      if (memcmp(before_, &(out), sizeof(out)) != 0)                     \
        flow_problem((f), #call, "its output has changed");              \
      if (!(f)->retry || !flow_again((f), (call), #call)) return;        \
    }                                                                    \
  } while (0)

#define FLOW_TRY(f, call)                                         \
  do {                                                            \
    flow_arm(f);                                                  \
    if (!flow_judge((f), (call), #call) &&                        \
        (!(f)->retry || !flow_again((f), (call), #call)))         \
      return;                                                     \
  } while (0)

/* A call that writes a file: after a failure the file is the old one or the new one, whole. */
#define FLOW_SAVE(f, file, call)                                                 \
  do {                                                                           \
    flow_save save_ = {.path = (file), .before = flow_file_hash(file)};          \
    flow_arm(f);                                                                 \
    if (!flow_judge((f), (call), #call)) {                                       \
      flow_save_failed(&save_);                                                  \
      if (!(f)->retry || !flow_again((f), (call), #call)) return;                \
      flow_save_done((f), &save_, #call);                                        \
    }                                                                            \
    flow_add_file((f), (file));                                                  \
  } while (0)

#endif
