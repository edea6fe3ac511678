/* SPDX-License-Identifier: Apache-2.0 */
/* The reference's text files: "user item item ..." and "user n1 ... n99". */
#ifndef S3_DATA_SEQUENCE_FILE_H
#define S3_DATA_SEQUENCE_FILE_H

#include "data/ragged.h"

/* Reads all sequences; *names, s3_free'd by the caller, are the users' names. */
s3rec_status s3_sequence_file_read(const s3rec_context *context, const char *path,
                                   s3_ragged *sequences, int64_t **names);

/* Reads the negatives of exactly these users; ids 1..max_item. */
s3rec_status s3_negative_file_read(const s3rec_context *context, const char *path,
                                   const int64_t *names, size_t user_count, int32_t max_item,
                                   s3_ragged *negatives);

#endif
