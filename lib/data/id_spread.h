/* SPDX-License-Identifier: Apache-2.0 */
/* A model has a row for every id up to the highest one. So a text of 43 bytes with one huge id
 * would make a model of gigabytes: ids of a file may not be far apart. */
#ifndef S3_DATA_ID_SPREAD_H
#define S3_DATA_ID_SPREAD_H

#include "base/context.h"

/* The highest id of a text and where it is, to be kept while the text is read. */
typedef struct s3_highest_id {
  int32_t id;
  const char *at;
} s3_highest_id;

static inline void s3_see_id(s3_highest_id *highest, int32_t id, const char *at) {
  if (id > highest->id) *highest = (s3_highest_id){id, at};
}

/* LIMIT when the highest of the `count` ids of a text is above 100,000 + id_spread for each
 * different one. `what` is "item" or "attribute". */
s3rec_status s3_check_id_spread(const s3rec_context *context, const char *path, const char *text,
                                const char *what, const int32_t *ids, size_t count,
                                s3_highest_id highest);

#endif
