/* SPDX-License-Identifier: Apache-2.0 */
/* The text files of the reference implementation: a line is "user item item ..." in a file
 * of sequences and "user n1 ... n99" in a file of negatives. */
#ifndef S3_DATA_SEQUENCE_FILE_H
#define S3_DATA_SEQUENCE_FILE_H

#include "data/ragged.h"

/* Reads all sequences. *names are the users' names, which the caller frees with s3_free. */
s3rec_status s3_sequence_file_read(const s3rec_context *context, const char *path,
                                   s3_ragged *sequences, int64_t **names);

/* Reads the negatives of exactly these users, in this order; ids are 1..max_item. */
s3rec_status s3_negative_file_read(const s3rec_context *context, const char *path,
                                   const int64_t *names, size_t user_count, int32_t max_item,
                                   s3_ragged *negatives);

#endif
