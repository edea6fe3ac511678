/* SPDX-License-Identifier: Apache-2.0 */
/* The input is the text files of a dataset, with a byte 0xff between them: sequences, item
 * attributes (JSON), negatives. What is read is made again from arrays. */
#include <stdlib.h>
#include <string.h>

#include "table_input.h"

enum { FILES = 3, SEPARATOR = 0xff };

static void *memory_for(size_t count, size_t size) {
  void *const memory = calloc(count + 1, size);
  fuzz_claim(memory != NULL, "no memory for %zu", count);
  return memory;
}

/* The arrays of a dataset's sequences, which the caller frees. */
static void copy_sequences(const s3rec_dataset *dataset, const s3rec_dataset_info *info,
                           int64_t *offsets, int32_t *items) {
  for (size_t user = 0; user < info->user_count; user++) {
    const int32_t *ids;
    size_t count;
    fuzz_ok(s3rec_dataset_user_items(dataset, user, &ids, &count));
    memcpy(items + offsets[user], ids, count * sizeof *ids);
    offsets[user + 1] = offsets[user] + (int64_t)count;
  }
}

static void make_again(s3rec_context *context, const s3rec_dataset *dataset, bool attributed) {
  s3rec_dataset_info info, again;
  s3rec_dataset_arrays arrays;
  s3rec_dataset *copy;
  s3rec_dataset_info_init(&info);
  s3rec_dataset_info_init(&again);
  fuzz_ok(s3rec_dataset_info_get(dataset, &info));
  int64_t *const offsets = memory_for(info.user_count, sizeof *offsets);
  int32_t *const items = memory_for(info.interaction_count, sizeof *items);
  copy_sequences(dataset, &info, offsets, items);
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = info.user_count;
  arrays.item_offsets = offsets;
  arrays.items = items;
  fuzz_ok(s3rec_dataset_from_arrays(context, &arrays, &copy));
  fuzz_ok(s3rec_dataset_info_get(copy, &again));
  fuzz_claim(again.item_size == info.item_size && again.user_count == info.user_count &&
                 again.short_user_count == info.short_user_count,
             "a dataset of arrays is another one");
  fuzz_claim(attributed || again.fingerprint == info.fingerprint, "another fingerprint");
  s3rec_dataset_destroy(copy);
  free(offsets);
  free(items);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static s3rec_context *contexts[2];
  static const char *const names[FILES] = {"sequences", "attributes", "negatives"};
  if (contexts[0] == NULL) {
    contexts[0] = fuzz_context(1, false);
    contexts[1] = fuzz_context(1, true);
  }
  const char *paths[FILES] = {NULL};
  size_t begin = 0;
  for (int file = 0; file < FILES && begin <= size; file++) {
    const uint8_t *const at = data + begin;
    const uint8_t *const end = size == begin ? NULL : memchr(at, SEPARATOR, size - begin);
    const size_t length = end == NULL ? size - begin : (size_t)(end - at);
    /* An empty piece stands for no file, except for the first. */
    if (file == 0 || length > 0) paths[file] = fuzz_write(names[file], at, length);
    begin += length + 1;
  }
  s3rec_context *const context = contexts[fuzz_hash(data, size) & 1];
  const size_t held = fuzz_held();
  s3rec_dataset *const untouched = (s3rec_dataset *)(void *)paths, *dataset = untouched;
  fuzz_peak_reset();
  const bool good =
      fuzz_succeeds(s3rec_dataset_load(context, paths[0], paths[1], paths[2], &dataset));
  fuzz_claim_bounded(held, 1 << 20, 24, size);
  if (good) {
    check_dataset(dataset);
    make_again(context, dataset, paths[1] != NULL);
    s3rec_dataset_destroy(dataset);
  } else {
    fuzz_claim(dataset == untouched, "a failure changed the dataset");
  }
  fuzz_claim(fuzz_held() == held, "%zu bytes are left", fuzz_held() - held);
  return 0;
}
