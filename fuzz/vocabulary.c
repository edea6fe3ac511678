/* SPDX-License-Identifier: Apache-2.0 */
/* Names out of bytes: each is a byte with its length (255: 4,000 and the next byte's) and its
 * text. They are found in both directions, also after they went through a model file. */
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MOST_NAMES = 80, MOST_TEXT = MOST_NAMES * 4300 };

typedef struct raw_names {
  s3rec_name_kind kind;
  int32_t first_id;
  size_t count;
  int64_t offsets[MOST_NAMES + 1];
  char *text;
} raw_names;

static raw_names take_names(fuzz_bytes *bytes) {
  raw_names names = {.text = malloc(MOST_TEXT)};
  fuzz_claim(names.text != NULL, "no memory");
  const uint8_t choice = fuzz_byte(bytes);
  names.kind = (choice & 1) != 0 ? S3REC_NAMES_INTEGER : S3REC_NAMES_TEXT;
  names.first_id = (choice & 2) != 0;
  while (bytes->left > 0 && names.count < MOST_NAMES) {
    size_t length = fuzz_byte(bytes);
    if (length == 255) length = 4000 + fuzz_byte(bytes);
    char *const name = names.text + names.offsets[names.count];
    for (size_t i = 0; i < length; i++)
      name[i] = bytes->left > 0 ? (char)fuzz_byte(bytes) : (char)('a' + names.count % 26);
    names.count++;
    names.offsets[names.count] = names.offsets[names.count - 1] + (int64_t)length;
  }
  /* Offsets that do not rise are refused before the text is looked at. */
  if ((choice & 0x30) == 0x30 && names.count > 1) names.offsets[names.count / 2] += 1 << 30;
  return names;
}

static void look_up(const s3rec_vocabulary *vocabulary, const raw_names *names) {
  int32_t ids[MOST_NAMES];
  fuzz_claim(s3rec_vocabulary_count(vocabulary) == names->count, "another number of names");
  fuzz_ok(s3rec_vocabulary_find_many(vocabulary, names->text, names->offsets, names->count, ids));
  for (size_t i = 0; i < names->count; i++) {
    const int32_t expected = names->first_id + (int32_t)i;
    const char *const text = names->text + names->offsets[i];
    const size_t length = (size_t)(names->offsets[i + 1] - names->offsets[i]);
    const char *name;
    size_t name_length;
    int32_t id = -1;
    fuzz_ok(s3rec_vocabulary_name(vocabulary, expected, &name, &name_length));
    fuzz_claim(name_length == length && memcmp(name, text, length) == 0 && name[length] == '\0',
               "name %d is '%s'", (int)expected, name);
    fuzz_ok(s3rec_vocabulary_find(vocabulary, text, length, &id));
    fuzz_claim(id == expected && ids[i] == expected, "'%s' is %d and %d", name, (int)id,
               (int)ids[i]);
    /* A beginning of a name is a name only if it has an id of its own. */
    int32_t other = -1;
    if (fuzz_succeeds(s3rec_vocabulary_find(vocabulary, text, length / 2, &other)))
      fuzz_claim(other != expected, "half a name is found as the whole");
  }
  const char *name;
  fuzz_claim(!fuzz_succeeds(s3rec_vocabulary_name(
                 vocabulary, names->first_id + (int32_t)names->count, &name, NULL)),
             "there is a name past the last one");
}

/* The names as those of attributes or items of a model, through a file. */
static void pass_through_file(s3rec_context *context, s3rec_vocabulary *vocabulary,
                              const raw_names *names) {
  const bool items = names->first_id == 1;
  s3rec_model_config config;
  s3rec_model *model, *loaded, *mapped;
  s3rec_vocabulary *back;
  s3rec_model_config_init(&config);
  config.item_size = items ? (int32_t)names->count + 2 : 3;
  config.attribute_size = items ? 1 : (int32_t)names->count;
  config.max_seq_length = 2;
  config.hidden_size = 2;
  config.num_attention_heads = 1;
  config.num_hidden_layers = 1;
  fuzz_ok(s3rec_model_create(context, &config, 1, &model));
  fuzz_ok(s3rec_model_set_names(model, items ? vocabulary : NULL, items ? NULL : vocabulary));
  const char *const path = fuzz_path("names");
  fuzz_ok(s3rec_model_save(model, path));
  fuzz_ok(s3rec_model_load(context, path, NULL, &loaded));
  fuzz_ok(s3rec_model_map(context, path, NULL, &mapped));
  for (int way = 0; way < 2; way++) {
    s3rec_model *const from = way == 0 ? loaded : mapped;
    fuzz_ok(items ? s3rec_model_item_names(from, &back) : s3rec_model_attribute_names(from, &back));
    fuzz_claim(back != NULL && s3rec_vocabulary_kind(back) == names->kind, "other names");
    look_up(back, names);
    s3rec_vocabulary_destroy(back);
  }
  s3rec_model_destroy(model);
  s3rec_model_destroy(loaded);
  s3rec_model_destroy(mapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static s3rec_context *context;
  if (context == NULL) context = fuzz_context(1, true);
  const size_t held = fuzz_held();
  fuzz_bytes bytes = {data, size};
  raw_names names = take_names(&bytes);
  s3rec_vocabulary *const untouched = (s3rec_vocabulary *)(void *)&bytes, *vocabulary = untouched;
  if (fuzz_succeeds(s3rec_vocabulary_create(context, names.kind, names.first_id, names.text,
                                            names.offsets, names.count, &vocabulary))) {
    look_up(vocabulary, &names);
    if (names.count > 0) pass_through_file(context, vocabulary, &names);
    s3rec_vocabulary_destroy(vocabulary);
  } else {
    fuzz_claim(vocabulary == untouched, "a failure changed the vocabulary");
  }
  free(names.text);
  fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
  return 0;
}
