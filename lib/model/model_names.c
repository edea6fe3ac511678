/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* How one vocabulary is called in a file. */
typedef struct names_place {
  const char *kind_key; /* of the metadata */
  const char *text, *offsets, *order;
} names_place;

static const names_place item_place = {"item_names", "names.item.text", "names.item.offsets",
                                       "names.item.order"};
static const names_place attribute_place = {"attribute_names", "names.attribute.text",
                                            "names.attribute.offsets", "names.attribute.order"};

static const char *const kinds[] = {[S3REC_NAMES_TEXT] = "text", [S3REC_NAMES_INTEGER] = "integer"};

static s3_tensor vector_tensor(const char *name, const char *dtype, const void *data, size_t count,
                               size_t size) {
  return (s3_tensor){.name = name,
                     .dtype = dtype,
                     .rank = 1,
                     .shape = {(int64_t)count},
                     .data = data,
                     .byte_count = count * size};
}

void s3_names_to_file(const s3rec_model *model, s3_tensor *tensors, size_t *tensor_count,
                      s3_metadata *metadata, size_t *metadata_count) {
  const struct {
    const s3rec_vocabulary *vocabulary;
    const names_place *place;
  } all[] = {{model->item_names, &item_place}, {model->attribute_names, &attribute_place}};
  enum { COUNT = sizeof all / sizeof *all };
  s3_tensor *next = tensors + *tensor_count;
  /* The larger an element, the earlier: all are aligned where the weights are an even
   * number of floats, as they are with an even hidden_size. */
  for (int i = 0; i < COUNT; i++) {
    if (all[i].vocabulary == NULL) continue;
    const s3_names *const names = &all[i].vocabulary->names;
    *next++ = vector_tensor(all[i].place->offsets, "I64", names->offsets, names->count + 1,
                            sizeof *names->offsets);
    metadata[(*metadata_count)++] = (s3_metadata){all[i].place->kind_key, kinds[names->kind]};
  }
  for (int i = 0; i < COUNT; i++) {
    if (all[i].vocabulary == NULL) continue;
    const s3_names *const names = &all[i].vocabulary->names;
    *next++ =
        vector_tensor(all[i].place->order, "I32", names->order, names->count, sizeof *names->order);
  }
  for (int i = 0; i < COUNT; i++) {
    if (all[i].vocabulary == NULL) continue;
    const s3_names *const names = &all[i].vocabulary->names;
    *next++ = vector_tensor(all[i].place->text, "U8", names->text,
                            (size_t)names->offsets[names->count], 1);
  }
  *tensor_count = (size_t)(next - tensors);
}

static bool is_tensor_of(const names_place *place, const char *name) {
  return strcmp(name, place->text) == 0 || strcmp(name, place->offsets) == 0 ||
         strcmp(name, place->order) == 0;
}

bool s3_is_names_tensor(const char *name) {
  return is_tensor_of(&item_place, name) || is_tensor_of(&attribute_place, name);
}

/* Other programs drop metadata: names are text then. */
static s3rec_status read_names_kind(const s3_safetensors *file, const char *key,
                                    s3rec_name_kind *kind) {
  const char *const text = s3_safetensors_metadata(file, key);
  *kind = S3REC_NAMES_TEXT;
  if (text == NULL) return S3REC_OK;
  for (int i = S3REC_NAMES_TEXT; i <= S3REC_NAMES_INTEGER; i++) {
    if (strcmp(text, kinds[i]) == 0) {
      *kind = (s3rec_name_kind)i;
      return S3REC_OK;
    }
  }
  return s3_fail(S3REC_ERROR_FORMAT, "%s: metadata '%s' is '%.40s', must be text or integer",
                 s3_safetensors_path(file), key, text);
}

/* All bytes of a tensor, mapped or copied; *mapping tells which. */
static s3rec_status read_names_array(const s3rec_context *context, const s3_safetensors *file,
                                     const s3_tensor *tensor, size_t alignment, bool map,
                                     s3_mapping *mapping, const void **array) {
  if (map && s3_safetensors_map_bytes(file, tensor, alignment, mapping, array)) return S3REC_OK;
  void *const copy = s3_allocate_unset(context, tensor->byte_count, 1);
  if (copy == NULL) return S3REC_ERROR_MEMORY;
  *array = copy; /* the vocabulary's, whatever comes next */
  return s3_safetensors_copy(file, tensor, 0, tensor->byte_count, copy);
}

/* Where a failure is, as the beginning of its text. */
typedef struct where_text {
  char text[1024]; /* of the size of an error text */
} where_text;

static where_text in_tensor(const s3_safetensors *file, const char *name) {
  where_text where;
  snprintf(where.text, sizeof where.text, "%s: tensor '%s': ", s3_safetensors_path(file), name);
  return where;
}

static s3rec_status read_names_arrays(const s3_safetensors *file, const names_place *place,
                                      bool map, s3rec_vocabulary *vocabulary) {
  const s3rec_context *const context = vocabulary->context;
  s3_names *const names = &vocabulary->names;
  const s3_tensor *const found = s3_safetensors_find(file, place->text);
  const int64_t text_size = found != NULL && found->rank == 1 ? found->shape[0] : 0;
  const int64_t count = (int64_t)names->count, offset_count = count + 1;
  const s3_tensor *text = NULL, *offsets = NULL, *order = NULL;
  S3_TRY(s3_safetensors_check(file, place->offsets, "I64", 1, &offset_count, &offsets));
  S3_TRY(s3_safetensors_check(file, place->order, "I32", 1, &count, &order));
  S3_TRY(s3_safetensors_check(file, place->text, "U8", 1, &text_size, &text));

  const void *arrays[3] = {NULL, NULL, NULL};
  s3rec_status status = read_names_array(context, file, offsets, sizeof *names->offsets, map,
                                         &vocabulary->offsets_mapping, &arrays[0]);
  if (status == S3REC_OK) {
    status = read_names_array(context, file, order, sizeof *names->order, map,
                              &vocabulary->order_mapping, &arrays[1]);
  }
  if (status == S3REC_OK) {
    status = read_names_array(context, file, text, 1, map, &vocabulary->text_mapping, &arrays[2]);
  }
  names->offsets = arrays[0];
  names->order = arrays[1];
  names->text = arrays[2];
  S3_TRY(status);
  S3_TRY(s3_names_check_offsets(names, text->byte_count, in_tensor(file, place->offsets).text));
  S3_TRY(s3_names_check_text(names, in_tensor(file, place->text).text));
  const where_text where = in_tensor(file, place->order);
  return map ? s3_names_check_permutation(context, names, where.text)
             : s3_names_check_order(names, where.text);
}

/* *vocabulary stays NULL when the file has none of its tensors. */
static s3rec_status read_vocabulary(s3rec_context *context, const s3_safetensors *file,
                                    const names_place *place, bool map, int32_t first_id,
                                    size_t count, s3rec_vocabulary **vocabulary) {
  if (s3_safetensors_metadata(file, place->kind_key) == NULL &&
      s3_safetensors_find(file, place->text) == NULL &&
      s3_safetensors_find(file, place->offsets) == NULL &&
      s3_safetensors_find(file, place->order) == NULL) {
    return S3REC_OK;
  }
  s3rec_name_kind kind;
  s3rec_vocabulary *read = NULL;
  S3_TRY(read_names_kind(file, place->kind_key, &kind));
  S3_TRY(s3_vocabulary_allocate(context, kind, first_id, count, &read));
  const s3rec_status status = read_names_arrays(file, place, map, read);
  if (status != S3REC_OK) {
    s3_vocabulary_release(read);
    return status;
  }
  *vocabulary = read;
  return S3REC_OK;
}

s3rec_status s3_names_from_file(const s3_safetensors *file, bool map, s3rec_model *model) {
  S3_TRY(read_vocabulary(model->context, file, &item_place, map, 1,
                         (size_t)model->config.item_size - 2, &model->item_names));
  return read_vocabulary(model->context, file, &attribute_place, map, 0,
                         (size_t)model->config.attribute_size, &model->attribute_names);
}
