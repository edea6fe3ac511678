/* SPDX-License-Identifier: Apache-2.0 */
/* The field "run" of a training state: a JSON object with what a run goes by, what it began
 * with and where it is (docs/file-format.md). */
#ifndef S3_RUN_RUN_ENTRY_H
#define S3_RUN_RUN_ENTRY_H

#include "run/run.h"

typedef struct s3_run_saved {
  s3rec_run_options options; /* those that neither trainer nor sampler nor network have */
  s3_run_position at;
  size_t steps;           /* of an epoch of the phase */
  uint64_t first_weights; /* hash */
  uint64_t negatives;     /* hash of those that the sampled protocol ranks, or 0 */
} s3_run_saved;

/* The object as text, which is the caller's to s3_free. */
s3rec_status s3_run_entry_make(const s3rec_context *context, const s3_run_saved *saved,
                               char **json);
/* FORMAT, naming the field, for one that is missing, twice there or of another kind. `object` may
 * be any value, or none. */
s3rec_status s3_run_entry_read(const s3rec_context *context, const char *path, s3_json object,
                               s3_run_saved *saved);
/* MISMATCH, naming the option, unless a run of the options `own` may go on where a run of the
 * options `saved` stopped. What trainer and sampler go by is compared with their own states. */
s3rec_status s3_run_entry_compare(const char *path, const s3rec_run_options *saved,
                                  const s3rec_run_options *own);

#endif
