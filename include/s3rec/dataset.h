/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Sequences, attributes and negatives: what is learned from. */
#ifndef S3REC_DATASET_H
#define S3REC_DATASET_H

#include "s3rec/vocabulary.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Users' item sequences, oldest first, with optional item attributes and
 * optional lists of negative items. Read-only after creation: any number of
 * threads may share one. */
typedef struct s3rec_dataset s3rec_dataset;

/** Largest item id: item_size = id + 2 must fit an int32. Since 0.1. */
#define S3REC_MAX_ITEM_ID 2147483645
/** The same, for languages that do not read headers of C. Any thread. Since 0.3. */
S3REC_API int32_t s3rec_max_item_id(void);

/** Loads the reference's text formats (docs/file-format.md):
 *   sequences_path   one user a line: "user item item ...", ids 1..2^31-3;
 *   attributes_path  NULL, or one JSON object {"item": [attribute, ...], ...},
 *                    attributes 0..2^31-2, repeats within an item count once;
 *   negatives_path   NULL, or "user n1 ... n99" a line (at least 99), in the
 *                    order and with the user names of the sequence file.
 * CRLF, blank lines and a missing final newline are fine. Mirrors get_user_seqs
 * and get_item2attribute_json of the reference.
 * On success *dataset belongs to the caller. Statuses: ARGUMENT, MEMORY, IO;
 * FORMAT with "file:line:column: reason"; LIMIT (s3rec_limits). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_dataset_load(s3rec_context *context, const char *sequences_path,
                                          const char *attributes_path, const char *negatives_path,
                                          s3rec_dataset **dataset);

/** The same content from arrays, all copied. Row r of a ragged array is
 * values[offsets[r]] .. values[offsets[r + 1] - 1]; offsets start at 0 and
 * never fall. */
typedef struct s3rec_dataset_arrays {
  size_t struct_size;               /**< set by s3rec_dataset_arrays_init */
  size_t user_count;                /**< at least 1 */
  const int64_t *item_offsets;      /**< [user_count + 1], each user at least 1 item */
  const int32_t *items;             /**< ids 1..S3REC_MAX_ITEM_ID */
  size_t attributed_item_count;     /**< 0: no attributes */
  const int32_t *attributed_items;  /**< [attributed_item_count], distinct ids >= 1 */
  const int64_t *attribute_offsets; /**< [attributed_item_count + 1] */
  const int32_t *attributes;        /**< ids 0..2^31-2 */
  int32_t negatives_per_user;       /**< 0: no negatives, else 1..1000 */
  const int32_t *negatives;         /**< [user_count, negatives_per_user] ids >= 1 */
} s3rec_dataset_arrays;

/** No users, no attributes, no negatives. Since 0.1. */
S3REC_API void s3rec_dataset_arrays_init(s3rec_dataset_arrays *arrays);

/** A dataset from arrays; on success *dataset belongs to the caller.
 * Statuses: ARGUMENT, MEMORY; FORMAT names the user and the index. Any thread.
 * Since 0.1. */
S3REC_API s3rec_status s3rec_dataset_from_arrays(s3rec_context *context,
                                                 const s3rec_dataset_arrays *arrays,
                                                 s3rec_dataset **dataset);

/** Gives the caller's reference back; NULL is fine. Any thread. Since 0.1. */
S3REC_API void s3rec_dataset_destroy(s3rec_dataset *dataset);

/** Sizes of a dataset. */
typedef struct s3rec_dataset_info {
  size_t struct_size;         /**< set by s3rec_dataset_info_init */
  size_t user_count;          /**< users, those too short for a split included */
  size_t interaction_count;   /**< items of all sequences together */
  int32_t item_size;          /**< largest item id of the sequences + 2 */
  int32_t attribute_size;     /**< largest attribute id + 1; 1 without attributes */
  int32_t negatives_per_user; /**< the shortest list; 0 without negatives */
  size_t short_user_count;    /**< users with fewer than 3 items. They have no
                            * leave-one-out split: all their items are trained
                            * on, none is evaluated */
  uint64_t fingerprint;       /**< of sequences and attributes; kept in training states */
} s3rec_dataset_info;

/** Sets struct_size and zeros. Since 0.1. */
S3REC_API void s3rec_dataset_info_init(s3rec_dataset_info *info);

/** Fills the fields that info->struct_size covers. Status: ARGUMENT (also for a
 * struct_size below the first release's). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_dataset_info_get(const s3rec_dataset *dataset,
                                              s3rec_dataset_info *info);

/** A user's items, oldest first, borrowed while the dataset lives. `user` counts
 * from 0 in file order. Statuses: ARGUMENT; NOT_FOUND (user out of range). Any
 * thread. Since 0.1. */
S3REC_API s3rec_status s3rec_dataset_user_items(const s3rec_dataset *dataset, size_t user,
                                                const int32_t **items, size_t *count);
/** An item's attributes, borrowed likewise; *count 0 without any. Statuses:
 * ARGUMENT; NOT_FOUND (item not in 1..item_size-2). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_dataset_item_attributes(const s3rec_dataset *dataset, int32_t item,
                                                     const int32_t **attributes, size_t *count);
/** A user's negatives, borrowed likewise. Statuses: ARGUMENT; NOT_FOUND (user
 * out of range, no negatives). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_dataset_user_negatives(const s3rec_dataset *dataset, size_t user,
                                                    const int32_t **negatives, size_t *count);

/** Names of the items (first id 1). *names belongs to the caller; it is NULL when the dataset was
 * not made from events. With the names of a model there may be more items than the sequences
 * have; item_size of s3rec_dataset_info counts them all. Status: ARGUMENT. Any thread.
 * Since 0.2. */
S3REC_API s3rec_status s3rec_dataset_item_names(const s3rec_dataset *dataset,
                                                s3rec_vocabulary **names);
/** Names of the users, first id 0: the id is the `user` of the calls above. Likewise. Since
 * 0.2. */
S3REC_API s3rec_status s3rec_dataset_user_names(const s3rec_dataset *dataset,
                                                s3rec_vocabulary **names);
/** Names of the attributes, first id 0; NULL too without attributes. Likewise. Since 0.2. */
S3REC_API s3rec_status s3rec_dataset_attribute_names(const s3rec_dataset *dataset,
                                                     s3rec_vocabulary **names);

#ifdef __cplusplus
}
#endif
#endif
