/* SPDX-License-Identifier: Apache-2.0 */
/* One table of the trainer's number options: checked, saved and loaded from it. */
#ifndef S3_TRAINING_OPTIONS_H
#define S3_TRAINING_OPTIONS_H

#include <stdbool.h>

#include "base/error.h"
#include "s3rec/trainer.h"

typedef struct s3_number_option {
  const char *name;
  size_t offset; /* of a double in s3rec_trainer_options */
  double low, high;
  bool low_excluded, high_excluded;
} s3_number_option;

enum { S3_NUMBER_OPTION_COUNT = 12, S3_DEFAULT_NEGATIVE_COUNT = 1000 };
extern const s3_number_option s3_number_options[S3_NUMBER_OPTION_COUNT];

static inline double *s3_number_at(s3rec_trainer_options *options, size_t index) {
  return (double *)(void *)((char *)options + s3_number_options[index].offset);
}

s3rec_status s3_trainer_options_check(const s3rec_trainer_options *options);

/* Name of the first field that is not the same in both; NULL: all are. */
const char *s3_trainer_options_difference(const s3rec_trainer_options *a,
                                          const s3rec_trainer_options *b);

#endif
