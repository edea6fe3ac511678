/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a release: what is in the folder that scripts/release_files.py makes, and what its
 * files say. */
#ifndef S3_TESTS_RELEASE_FILES_FIXTURE_H
#define S3_TESTS_RELEASE_FILES_FIXTURE_H

#include <stdbool.h>

#include "s3rec/s3rec.h"

/* The call must succeed: else its text goes to stderr and the program ends, with libcheck or
 * without. */
#define release_ok(call) release_check((call) == S3REC_OK, #call)
void release_check(bool good, const char *what);

/* One number that a file gives, and how far it may be off on another machine. */
typedef struct release_figure {
  char name[48];
  double value, tolerance;
} release_figure;

typedef struct release_figures {
  release_figure list[256];
  size_t count;
} release_figures;

/* Everything that training on a folder's files takes. */
typedef struct release_setup {
  const char *folder;
  s3rec_context *context;
  s3rec_dataset *dataset; /* of events.csv and attributes.csv, with names */
  s3rec_model *model;     /* of model.safetensors; NULL while there is none */
} release_setup;

#define RELEASE_NOTE "the note of a host: \xc3\xa9t\xc3\xa9"

/* `name` in the folder. The text stays until the next eight calls. */
const char *release_path(const release_setup *setup, const char *name);

release_setup release_begin(const char *folder, s3rec_backend backend);
void release_end(release_setup *setup);

/* A trainer and its sampler, or a run, with the options that the states were saved with. */
s3rec_trainer *release_trainer(const release_setup *setup, s3rec_model *model,
                               s3rec_sampler **sampler);
s3rec_run *release_run(const release_setup *setup, s3rec_stage stage);

/* Reads every file, goes on with every state, and notes what comes out. */
void release_read_all(const release_setup *setup, release_figures *figures);

#endif
