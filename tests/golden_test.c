/* SPDX-License-Identifier: Apache-2.0 */
/* The reference's recorded tensors against every backend and kernel level, and
 * proof that the comparison notices a wrong number in any group. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "golden_replay.h"
#include "support/suite.h"

static const s3rec_backend backends[] = {S3REC_BACKEND_FUSED, S3REC_BACKEND_ONEDNN};
static const s3rec_kernel_level levels[] = {S3REC_KERNELS_BASELINE, S3REC_KERNELS_AVX2,
                                            S3REC_KERNELS_AVX512};

/* NULL where this machine lacks the level; plain C it must have. */
static s3rec_context *make_context(s3rec_backend backend, s3rec_kernel_level level,
                                   int32_t threads) {
  s3rec_context_options options;
  s3rec_context *context = NULL;
  s3rec_context_options_init(&options);
  options.backend = backend;
  options.kernel_level = level;
  options.thread_count = threads;
  const s3rec_status status = s3rec_context_create(&options, &context);
  const bool lacking = status == S3REC_ERROR_UNSUPPORTED && level > S3REC_KERNELS_BASELINE;
  ck_assert_msg(status == S3REC_OK || lacking, "%s", s3rec_last_error());
  return context;
}

static void replay(s3rec_context *context, const char *path, int32_t shards,
                   golden_report *report) {
  s3_safetensors *file;
  ck_assert_msg(s3_safetensors_open(context, path, &file) == S3REC_OK, "%s", s3rec_last_error());
  ck_assert_msg(golden_replay(context, file, shards, report), "%s was not replayed", path);
  s3_safetensors_close(file);
}

/* Replays every file of the folder; returns their number. */
static int replay_folder(const char *folder, s3rec_context *context, int32_t shards) {
  DIR *directory = opendir(folder);
  const struct dirent *entry;
  int count = 0;
  ck_assert_ptr_nonnull(directory);
  while ((entry = readdir(directory)) != NULL) {
    char path[1024];
    golden_report report;
    if (strstr(entry->d_name, ".safetensors") == NULL ||
        (strncmp(entry->d_name, "pretrain_", 9) != 0 &&
         strncmp(entry->d_name, "finetune_", 9) != 0)) {
      continue;
    }
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    replay(context, path, shards, &report);
    if (!golden_report_good(&report)) golden_report_print(&report);
    ck_assert_msg(golden_report_good(&report), "%s is out of tolerance, backend %d, kernels %d",
                  entry->d_name, (int)s3rec_context_backend(context),
                  (int)s3rec_context_kernel_level(context));
    count++;
  }
  closedir(directory);
  return count;
}

static void replay_everything(s3rec_backend backend, s3rec_kernel_level level) {
  static const int32_t threads_shards[][2] = {{1, 8}, {2, 4}};
  char folder[512];
  if (test_shared_folder() == NULL) {
    test_skip("no shared folder with golden files");
    return;
  }
  snprintf(folder, sizeof folder, "%s/golden", test_shared_folder());
  for (size_t i = 0; i < 2; i++) {
    s3rec_context *context = make_context(backend, level, threads_shards[i][0]);
    if (context == NULL) {
      test_skip(s3rec_last_error());
      return;
    }
    ck_assert_int_gt(replay_folder(folder, context, threads_shards[i][1]), 0);
    s3rec_context_destroy(context);
  }
}

START_TEST(agrees) { replay_everything(backends[_i / 3], levels[_i % 3]); }
END_TEST

/* A golden file to change: its tensors, with values of our own where they differ. */
enum { MAX_TENSORS = 1024 };
static const char *const metadata_keys[] = {
    "hidden_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "max_seq_length",
    "aap_weight",  "mip_weight",        "map_weight",          "sp_weight",  "lr",
    "weight_decay", "item_size",        "attribute_size",      "mask_id"};
enum { METADATA_KEYS = sizeof metadata_keys / sizeof *metadata_keys };

/* Writes `file` to `path` without the tensors that `keep` turns down, and, if
 * `changed` is not NULL, with the largest value of that tensor a `factor` of itself. */
static void write_changed(const s3rec_context *context, const s3_safetensors *file,
                          const char *path, bool (*keep)(const char *name), const char *changed,
                          double factor) {
  static s3_tensor tensors[MAX_TENSORS];
  s3_metadata metadata[METADATA_KEYS];
  static void *copies[MAX_TENSORS];
  size_t count = 0, keys = 0;
  bool found = false;
  ck_assert_uint_le(s3_safetensors_count(file), MAX_TENSORS);
  for (size_t i = 0; i < s3_safetensors_count(file); i++) {
    const s3_tensor *tensor = s3_safetensors_at(file, i);
    if (!keep(tensor->name)) continue;
    void *const copy = copies[count] = golden_bytes(file, tensor);
    ck_assert_ptr_nonnull(copy);
    tensors[count] = *tensor;
    tensors[count].data = copy;
    if (changed != NULL && strcmp(tensor->name, changed) == 0) {
      const bool wide = strcmp(tensor->dtype, "F64") == 0;
      const size_t elements = tensor->byte_count / (wide ? sizeof(double) : sizeof(float));
      size_t largest = 0;
      found = true;
      if (wide) {
        *(double *)(void *)copy *= factor;
      } else {
        float *values = (float *)(void *)copy;
        for (size_t j = 0; j < elements; j++) {
          if (values[j] > values[largest]) largest = j;
        }
        values[largest] *= (float)factor;
      }
    }
    count++;
  }
  ck_assert(changed == NULL || found);
  for (size_t i = 0; i < METADATA_KEYS; i++) {
    const char *value = s3_safetensors_metadata(file, metadata_keys[i]);
    if (value != NULL) metadata[keys++] = (s3_metadata){metadata_keys[i], value};
  }
  ck_assert_msg(
      s3_safetensors_write(context, path, tensors, count, metadata, keys) == S3REC_OK, "%s",
      s3rec_last_error());
  while (count > 0) free(copies[--count]);
}

static bool keep_all(const char *name) { return name[0] != '\0'; }
static bool keep_inputs(const char *name) {
  return strncmp(name, "param.", 6) == 0 || strncmp(name, "batch.", 6) == 0;
}
static bool keep_some(const char *name) {
  return keep_inputs(name) || strncmp(name, "adam3.", 6) == 0 || strcmp(name, "loss.joint") == 0;
}

static const golden_group *group_of(const golden_report *report, const char *name) {
  for (size_t i = 0; i < report->group_count; i++) {
    if (strcmp(report->groups[i].name, name) == 0) return &report->groups[i];
  }
  ck_abort_msg("no group %s", name);
  return NULL;
}

static const struct {
  const char *file, *group, *tensor;
  double factor; /* changes the value by several tolerances */
} changes[] = {
    {"pretrain_tiny_gelu", "loss", "loss.mip", 1 + 4e-5},
    {"pretrain_tiny_gelu", "loss", "loss.joint", 1 + 4e-5},
    {"pretrain_tiny_gelu", "grad.aap", "grad.aap.attribute_embeddings.weight", 1.002},
    {"pretrain_tiny_gelu", "grad.mip", "grad.mip.item_embeddings.weight", 1.002},
    {"pretrain_tiny_gelu", "grad.map", "grad.map.map_norm.bias", 1.002},
    {"pretrain_tiny_gelu", "grad.sp", "grad.sp.item_encoder.layer.0.attention.query.weight", 1.002},
    {"pretrain_tiny_gelu", "grad.joint", "grad.joint.LayerNorm.bias", 1.002},
    {"pretrain_tiny_gelu", "gradnorm.sp", "gradnorm.sp.sp_norm.weight", 1.002},
    {"pretrain_tiny_gelu", "adam3", "adam3.position_embeddings.weight", 1.001},
    {"finetune_tiny_gelu", "loss", "loss.full_ce", 1 + 4e-5},
    {"finetune_tiny_gelu", "grad.finetune", "grad.finetune.item_embeddings.weight", 1.002},
    {"finetune_tiny_gelu", "grad.full_ce", "grad.full_ce.LayerNorm.weight", 1.002},
    {"finetune_tiny_gelu", "scores.full", "scores.full", 1.001},
};
enum { CHANGES = sizeof changes / sizeof *changes };

/* True when there is a file to work on: opened, and `path` a place to write. */
static bool open_golden(s3rec_context *context, const char *name, s3_safetensors **file,
                        char *path, size_t capacity) {
  char golden[512];
  if (test_shared_folder() == NULL) {
    test_skip("no shared folder with golden files");
    return false;
  }
  snprintf(golden, sizeof golden, "%s/golden/%s.safetensors", test_shared_folder(), name);
  ck_assert_msg(s3_safetensors_open(context, golden, file) == S3REC_OK, "%s", s3rec_last_error());
  snprintf(path, capacity, "golden_test.%ld.safetensors", (long)getpid());
  return true;
}

START_TEST(notices_a_wrong_value) {
  s3rec_context *context = make_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1);
  s3_safetensors *file;
  golden_report report;
  char path[64];
  if (open_golden(context, changes[_i].file, &file, path, sizeof path)) {
    write_changed(context, file, path, keep_all, changes[_i].tensor, changes[_i].factor);
    replay(context, path, 8, &report);
    ck_assert(!golden_report_good(&report));
    for (size_t i = 0; i < report.group_count; i++) {
      const bool expected = strcmp(report.groups[i].name, changes[_i].group) == 0;
      ck_assert_msg((report.groups[i].failed_count > 0) == expected, "%s: group %s",
                    changes[_i].tensor, report.groups[i].name);
    }
    s3_safetensors_close(file);
    remove(path);
  }
  s3rec_context_destroy(context);
}
END_TEST

START_TEST(checks_what_is_there) {
  s3rec_context *context = make_context(S3REC_BACKEND_AUTO, S3REC_KERNELS_AUTO, 1);
  s3_safetensors *file;
  golden_report report;
  char path[64];
  if (open_golden(context, "pretrain_tiny_swish", &file, path, sizeof path)) {
    write_changed(context, file, path, keep_inputs, NULL, 1);
    replay(context, path, 8, &report);
    ck_assert_msg(!golden_report_good(&report), "nothing was checked and yet it passed");
    write_changed(context, file, path, keep_some, NULL, 1);
    replay(context, path, 8, &report);
    ck_assert(golden_report_good(&report));
    ck_assert_uint_gt(group_of(&report, "adam3")->tensor_count, 0);
    ck_assert_uint_eq(group_of(&report, "loss")->tensor_count, 2);
    ck_assert_uint_eq(group_of(&report, "grad.joint")->tensor_count, 0);
    s3_safetensors_close(file);
    remove(path);
  }
  s3rec_context_destroy(context);
}
END_TEST

TEST_SUITE(golden) {
  TCase *replays = tcase_create("replay"), *changed = tcase_create("changed");
  tcase_add_loop_test(replays, agrees, 0, 6);
  tcase_add_loop_test(changed, notices_a_wrong_value, 0, CHANGES);
  tcase_add_test(changed, checks_what_is_there);
  test_add_cases(suite, replays, changed, NULL);
}
