/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Configuration and weights. */
#ifndef S3REC_MODEL_H
#define S3REC_MODEL_H

#include "s3rec/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Configuration and weights. Any number of threads may read a model. Writing it (a trainer,
 * s3rec_model_parameter_write) excludes all else: a model with a trainer gets no scorer, and
 * a model with a scorer gets no trainer (STATE; use a clone). Trainers and scorers keep the
 * model alive, so handles may be destroyed in any order. */
typedef struct s3rec_model s3rec_model;

/** Activation between the two feed-forward layers. */
typedef enum s3rec_activation {
  S3REC_GELU = 1, /**< x * Phi(x), the erf form */
  S3REC_RELU = 2, /**< max(x, 0) */
  S3REC_SWISH = 3 /**< x * sigmoid(x) */
} s3rec_activation;

/** Names and defaults of the reference. */
typedef struct s3rec_model_config {
  size_t struct_size;                  /**< set by s3rec_model_config_init */
  int32_t item_size;                   /**< I = largest item id + 2; at least 3; no default */
  int32_t attribute_size;              /**< A = largest attribute id + 1; default 1 */
  int32_t max_seq_length;              /**< L, 1..4096; default 50 */
  int32_t hidden_size;                 /**< H, 1..4096, a multiple of the heads; default 64 */
  int32_t num_hidden_layers;           /**< 1..64; default 2 */
  int32_t num_attention_heads;         /**< 1..hidden_size; default 2 */
  s3rec_activation hidden_act;         /**< default GELU */
  double hidden_dropout_prob;          /**< 0..0.99; default 0.5; training only */
  double attention_probs_dropout_prob; /**< 0..0.99; default 0.5; training only */
  double initializer_range;            /**< 0..10; default 0.02 */
} s3rec_model_config;

/** The defaults above; item_size is left at 0. Since 0.1. */
S3REC_API void s3rec_model_config_init(s3rec_model_config *config);

/** Fresh weights from `seed`: linear and embedding weights N(0,
 * initializer_range), biases 0, layer norm 1 and 0 (init_weights of the
 * reference). On success *model belongs to the caller.
 * Statuses: ARGUMENT (names the field and its range), MEMORY. Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_model_create(s3rec_context *context, const s3rec_model_config *config,
                                          uint64_t seed, s3rec_model **model);

/** Fresh weights for a dataset, with the names of its items and attributes and in its context.
 * `config` may be NULL for the defaults. The sizes are the dataset's: item_size and attribute_size
 * of `config` count only where they are larger, and then that kind has no names.
 * On success *model belongs to the caller. Statuses: as of s3rec_model_create. Any thread.
 * Since 0.3. */
S3REC_API s3rec_status s3rec_model_create_for(const s3rec_dataset *dataset,
                                              const s3rec_model_config *config, uint64_t seed,
                                              s3rec_model **model);

/** Reads a safetensors file. With this library's metadata nothing else is
 * needed; without (a converted PyTorch state dict) the sizes come from the
 * shapes and the rest (heads, activation, dropout, initializer_range) from
 * `fallback`, NULL = defaults. Weights that are NaN or infinite are refused.
 * The file must not be cut short during the call: the call fails (IO), or the process ends
 * by SIGBUS. Another file may be renamed over it, as saving does.
 * On success *model belongs to the caller. Statuses: ARGUMENT, MEMORY, IO; FORMAT
 * names the file and the tensor; UNSUPPORTED (a data type other than F32, or
 * another one than names have). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_model_load(s3rec_context *context, const char *path,
                                        const s3rec_model_config *fallback, s3rec_model **model);

/** As s3rec_model_load, but the item table stays in the file: its pages are mapped, and a page is
 * copied only when it is written. So a large model opens several times as fast, processes that
 * map one file share its memory, and the system may take pages back when memory is short. The
 * table is read once, to refuse NaN and infinity. All calls work on the model as on any other,
 * and none of them changes the file. A clone is an ordinary model in memory. Mapped memory does
 * not come from the context's allocator.
 *
 * Names of items and attributes stay in the file too. That they are sorted, as s3rec_model_save
 * writes them, is not checked.
 *
 * As long as the model or its names live, the file must not be cut short (the process would end
 * by SIGBUS) and must not be written in place (weights would change unchecked, and changed places
 * of names may end the process). The file may be removed, and another may be renamed over it, as
 * s3rec_model_save does. Where this cannot be promised, use s3rec_model_load.
 *
 * The table is copied, as by s3rec_model_load, when it is smaller than 1 MiB, when it does not
 * begin at a multiple of 64 bytes in the file (in files of s3rec_model_save it does), or when the
 * file cannot be mapped; the log says so. Training writes most pages in the end: for training use
 * s3rec_model_load. Statuses and threads: as s3rec_model_load. Since 0.2. */
S3REC_API s3rec_status s3rec_model_map(s3rec_context *context, const char *path,
                                       const s3rec_model_config *fallback, s3rec_model **model);

/** Writes a safetensors file beside `path`, syncs it and renames it over `path`: at every moment
 * either the old file or the new one is there, whole. After a failure the old one is there, with
 * one exception: when only the last step, syncing the folder, fails (IO), the new file is there
 * and may not survive a power cut.
 * Statuses: ARGUMENT, MEMORY, IO; NUMERIC (a weight is NaN or infinite, which no
 * load would take). Any thread while nothing writes the model. Since 0.1. */
S3REC_API s3rec_status s3rec_model_save(const s3rec_model *model, const char *path);

/** An independent copy, for instance to serve while training goes on; it belongs to
 * the caller. Statuses: ARGUMENT, MEMORY. Any thread while nothing writes the model.
 * Since 0.1. */
S3REC_API s3rec_status s3rec_model_clone(const s3rec_model *model, s3rec_model **clone);

/** Sets the dropouts of later training, 0..0.99 each; weights stay. Statuses:
 * ARGUMENT; STATE (the model has a trainer or scorers). No other call on the model
 * meanwhile. Since 0.2. */
S3REC_API s3rec_status s3rec_model_set_dropouts(s3rec_model *model, double hidden_dropout_prob,
                                                double attention_probs_dropout_prob);

/** Copies the weights of `source` into `model`, for instance to go back to the
 * best epoch. Statuses: ARGUMENT; MISMATCH (other sizes); STATE (`model` has
 * scorers). No other call on `model` meanwhile; it may have a trainer. Since 0.1. */
S3REC_API s3rec_status s3rec_model_copy_weights(s3rec_model *model, const s3rec_model *source);

/** Bytes of the weights, wherever they lie, and of what scorers and evaluations had
 * made of them: compact item tables (s3rec_scan), and a copy of the layers' matrices in
 * the order that encoding reads them in (48 H^2 bytes a layer, fused backend only).
 * These go when the weights are written or trained. 0 for NULL. Any thread. Since 0.2. */
S3REC_API size_t s3rec_model_memory(const s3rec_model *model);

/** Gives the model names for its items (first id 1, item_size - 2 of them) and attributes
 * (first id 0, attribute_size of them); NULL takes them away. They are kept alive, saved in
 * model files and training states and copied by s3rec_model_clone; numbers are not changed.
 * Statuses: ARGUMENT; MISMATCH (other counts); STATE (the model has scorers). No other call
 * on the model meanwhile; it may have a trainer. Since 0.2. */
S3REC_API s3rec_status s3rec_model_set_names(s3rec_model *model, s3rec_vocabulary *items,
                                             s3rec_vocabulary *attributes);
/** Names of the items; *names is NULL without, else belongs to the caller (destroy it).
 * Status: ARGUMENT. Any thread. Since 0.2. */
S3REC_API s3rec_status s3rec_model_item_names(const s3rec_model *model, s3rec_vocabulary **names);
/** Names of the attributes, likewise. Since 0.2. */
S3REC_API s3rec_status s3rec_model_attribute_names(const s3rec_model *model,
                                                   s3rec_vocabulary **names);

/** Gives the model the popularity of its items: counts [item_size] events of each item, 0 for
 * padding and mask; NULL with count 0 takes it away. A recommender answers with it where a history
 * holds no known item. It is copied by s3rec_model_clone and saved in model files and training
 * states; if its text there would have more than 90 MB it is left out, with a warning in the log.
 * Statuses: ARGUMENT, MEMORY; FORMAT (a count that may not be there); MISMATCH (`count` is not
 * item_size); STATE (the model has scorers). No other call on the model meanwhile; it may have a
 * trainer. Since 0.3. */
S3REC_API s3rec_status s3rec_model_set_popularity(s3rec_model *model, const int32_t *counts,
                                                  size_t count);
/** The same with counts of a dataset: of the items before each user's last held_out_count (0..2),
 * and of all items of users with fewer than 3. Statuses: ARGUMENT, MEMORY; MISMATCH (the dataset
 * has items that the model does not have); STATE. Threads likewise. Since 0.3. */
S3REC_API s3rec_status s3rec_model_count_popularity(s3rec_model *model,
                                                    const s3rec_dataset *dataset,
                                                    int32_t held_out_count);
/** Copies the popularity out: counts [item_size]; `count` must be item_size. Statuses: ARGUMENT;
 * NOT_FOUND (the model has none). Any thread. Since 0.3. */
S3REC_API s3rec_status s3rec_model_popularity(const s3rec_model *model, int32_t *counts,
                                              size_t count);

/** A number that tells weights from other weights: a hash of names, shapes and bits of all
 * parameters, the same on every machine; 0 for NULL. No protection against somebody who wants two
 * models to have the same. Any thread while nothing writes the model. Since 0.3. */
S3REC_API uint64_t s3rec_model_fingerprint(const s3rec_model *model);

/** Gets one metadata entry of a file; both texts are valid during the call only. */
typedef void (*s3rec_metadata_function)(const char *key, const char *value, void *user_data);

/** Calls `visit` for each metadata entry of a model file or training state, in the order of the
 * file. What the library writes is in docs/file-format.md; a training state has an entry
 * "s3rec_state", a model with popularity "item_popularity", a text of several bytes for each item.
 * Statuses: ARGUMENT, MEMORY, IO; FORMAT (no safetensors file). Any thread.
 * Since 0.3. */
S3REC_API s3rec_status s3rec_model_file_metadata(s3rec_context *context, const char *path,
                                                 s3rec_metadata_function visit, void *user_data);

/** Gives the caller's reference back; NULL is fine. Any thread. Since 0.1. */
S3REC_API void s3rec_model_destroy(s3rec_model *model);

/** Fills the fields that config->struct_size covers. Status: ARGUMENT (also for a
 * struct_size below the first release's). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_model_config_get(const s3rec_model *model, s3rec_model_config *config);

/** Name and shape of one parameter. */
typedef struct s3rec_parameter_info {
  size_t struct_size;   /**< set by s3rec_parameter_info_init */
  const char *name;     /**< PyTorch name; borrowed from the model */
  int32_t rank;         /**< 1 or 2 */
  int64_t shape[2];     /**< row-major; shape[1] is 1 for rank 1 */
  size_t element_count; /**< shape[0] * shape[1] */
} s3rec_parameter_info;

/** Sets struct_size and zeros. Since 0.1. */
S3REC_API void s3rec_parameter_info_init(s3rec_parameter_info *info);

/** How many parameters there are; 0 for NULL. Any thread. Since 0.1. */
S3REC_API size_t s3rec_model_parameter_count(const s3rec_model *model);
/** Parameter `index`, 0..count-1 in the reference's order. Status: ARGUMENT (also
 * for another index). Any thread. Since 0.1. */
S3REC_API s3rec_status s3rec_model_parameter_info(const s3rec_model *model, size_t index,
                                                  s3rec_parameter_info *info);

/** Copies a whole parameter out; `count` must be its element count. Statuses:
 * ARGUMENT, NOT_FOUND. Any thread while nothing writes the model. Since 0.1. */
S3REC_API s3rec_status s3rec_model_parameter_read(const s3rec_model *model, const char *name,
                                                  float *values, size_t count);
/** Copies a whole parameter in. Statuses: ARGUMENT, NOT_FOUND; STATE (the model
 * has scorers); NUMERIC (a value is NaN or infinite; nothing is written). No other
 * call on the model meanwhile; it may have a trainer. Since 0.1. */
S3REC_API s3rec_status s3rec_model_parameter_write(s3rec_model *model, const char *name,
                                                   const float *values, size_t count);

#ifdef __cplusplus
}
#endif
#endif
