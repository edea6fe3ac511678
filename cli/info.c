/* SPDX-License-Identifier: Apache-2.0 */
/* s3rec info */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data.h"
#include "items.h"
#include "output.h"
#include "print.h"
#include "session.h"

enum { NAMES_SHOWN = 5 };

static int show_build(const cli_options *options) {
  char line[512];
  s3rec_build_info(line, sizeof line);
  if (options->json)
    cli_json_print(json_pack("{s:s, s:i, s:s}", "version", s3rec_version(), "abi",
                             s3rec_abi_version(), "build", line));
  else
    printf("%s\n", line);
  return CLI_OK;
}

static void print_data(const cli_options *options, const s3rec_dataset_info *info, json_t *events) {
  if (options->json) {
    char fingerprint[20];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info->fingerprint);
    json_t *const object = json_pack(
        "{s:o, s:I, s:I, s:i, s:i, s:i, s:I, s:s}", "name", cli_json_text(cli_data_name(options)),
        "users", (json_int_t)info->user_count, "interactions", (json_int_t)info->interaction_count,
        "item_size", (int)info->item_size, "attribute_size", (int)info->attribute_size,
        "negatives_per_user", (int)info->negatives_per_user, "short_users",
        (json_int_t)info->short_user_count, "fingerprint", fingerprint);
    if (events != NULL) json_object_set(object, "events", events);
    cli_json_print(object);
    return;
  }
  if (events == NULL) {
    printf("data set %s/%s\n", options->data, options->name);
  } else {
    char file[512];
    cli_data_file(options, file, sizeof file);
    printf("events of %s\n", file);
  }
  printf(
      "  users               %zu (%zu with fewer than 3 items: used in training, not in "
      "evaluation)\n",
      info->user_count, info->short_user_count);
  printf("  interactions        %zu (%.2f per user)\n", info->interaction_count,
         (double)info->interaction_count / (double)info->user_count);
  printf("  item ids            1..%" PRId32 "\n", info->item_size - 2);
  if (info->attribute_size > 1)
    printf("  attribute ids       0..%" PRId32 "\n", info->attribute_size - 1);
  else
    printf("  attribute ids       none\n");
  printf("  negatives per user  %" PRId32 "\n", info->negatives_per_user);
  printf("  fingerprint         %016" PRIx64 "\n", info->fingerprint);
}

static int show_data(const cli_options *options, s3rec_context *context) {
  int parts = CLI_ATTRIBUTES;
  if (options->data != NULL) {
    char *const negatives = cli_path(options->data, options->name, "_sample.txt");
    if (negatives == NULL) return cli_fail(CLI_FAILURE, "out of memory");
    if (access(negatives, F_OK) == 0) parts |= CLI_NEGATIVES;
    free(negatives);
  }
  s3rec_dataset *dataset = NULL;
  json_t *events = NULL;
  CLI_TRY(cli_open_dataset(options, context, parts, NULL, &events, &dataset));
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  const s3rec_status status = s3rec_dataset_info_get(dataset, &info);
  s3rec_dataset_destroy(dataset);
  if (status == S3REC_OK) print_data(options, &info, events);
  json_decref(events);
  return cli_check_status(status);
}

/* All parameters as JSON; `total` gets the number of their elements. */
static json_t *list_parameters(const s3rec_model *model, size_t *total) {
  json_t *const list = json_array();
  *total = 0;
  s3rec_parameter_info info;
  s3rec_parameter_info_init(&info);
  for (size_t i = 0; i < s3rec_model_parameter_count(model); i++) {
    if (s3rec_model_parameter_info(model, i, &info) != S3REC_OK) continue;
    json_t *const shape = json_array();
    for (int32_t d = 0; d < info.rank; d++)
      json_array_append_new(shape, json_integer(info.shape[d]));
    json_array_append_new(list, json_pack("{s:s, s:o}", "name", info.name, "shape", shape));
    *total += info.element_count;
  }
  return list;
}

/* The number and kind of the names, and the first few of them; null without names. */
static json_t *describe_names(const s3rec_vocabulary *names) {
  if (names == NULL) return json_null();
  const bool integers = s3rec_vocabulary_kind(names) == S3REC_NAMES_INTEGER;
  const size_t count = s3rec_vocabulary_count(names);
  json_t *const examples = json_array();
  for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
    json_array_append_new(
        examples, json_string(cli_name_of(names, s3rec_vocabulary_first_id(names) + (int32_t)i)));
  return json_pack("{s:I, s:s, s:o}", "count", (json_int_t)count, "kind",
                   integers ? "integer" : "text", "examples", examples);
}

/* {"items": ..., "attributes": ...} */
static json_t *list_model_names(const s3rec_model *model) {
  s3rec_vocabulary *items = NULL, *attributes = NULL;
  json_t *object = NULL;
  if (s3rec_model_item_names(model, &items) == S3REC_OK &&
      s3rec_model_attribute_names(model, &attributes) == S3REC_OK)
    object = json_pack("{s:o, s:o}", "items", describe_names(items), "attributes",
                       describe_names(attributes));
  s3rec_vocabulary_destroy(items);
  s3rec_vocabulary_destroy(attributes);
  return object;
}

/* How many items have events, and how many events all have; null without popularity. */
static json_t *describe_popularity(const s3rec_model *model, int32_t item_size) {
  const size_t count = (size_t)item_size;
  int32_t *const events = calloc(count, sizeof *events);
  json_t *object = NULL;
  if (events == NULL) exit(cli_fail(CLI_FAILURE, "out of memory"));
  if (s3rec_model_popularity(model, events, count) == S3REC_OK) {
    json_int_t items = 0, all = 0;
    for (size_t id = 0; id < count; id++) {
      items += events[id] > 0;
      all += events[id];
    }
    object = json_pack("{s:I, s:I}", "items", items, "events", all);
  }
  free(events);
  return object != NULL ? object : json_null();
}

static void print_popularity(const json_t *popularity) {
  if (json_is_null(popularity)) {
    printf("popularity: none\n");
    return;
  }
  printf("popularity: %" JSON_INTEGER_FORMAT " items have events, %" JSON_INTEGER_FORMAT
         " events in all\n",
         json_integer_value(json_object_get(popularity, "items")),
         json_integer_value(json_object_get(popularity, "events")));
}

static void print_names(const json_t *names) {
  const char *key;
  json_t *value, *example;
  size_t index;
  json_object_foreach((json_t *)names, key, value) {
    if (json_is_null(value)) {
      printf("names of %s: none\n", key);
      continue;
    }
    printf("names of %s: %" JSON_INTEGER_FORMAT ", %s:", key,
           json_integer_value(json_object_get(value, "count")),
           json_string_value(json_object_get(value, "kind")));
    json_array_foreach(json_object_get(value, "examples"), index, example) {
      char shown[64];
      cli_plain_text(json_string_value(example), shown, sizeof shown);
      printf("%s %s", index == 0 ? "" : ",", shown);
    }
    const json_int_t all = json_integer_value(json_object_get(value, "count"));
    printf("%s\n", all > NAMES_SHOWN ? ", ..." : "");
  }
}

/* The metadata of a model file or a training state. */
typedef struct file_metadata {
  json_t *pairs; /* text by key, without the popularity */
  bool state;    /* it is a training state */
  uint64_t bytes;
} file_metadata;

static void add_metadata_pair(const char *key, const char *value, void *user_data) {
  file_metadata *const metadata = user_data;
  if (strcmp(key, "item_popularity") == 0) return; /* a number for each item */
  json_object_set_new(metadata->pairs, key, json_string(value));
  if (strcmp(key, "s3rec_state") == 0) metadata->state = true;
}

static void print_model(const char *path, const file_metadata *metadata, const json_t *config,
                        const json_t *parameters, const json_t *names,
                        const json_t *popularity, size_t total) {
  printf("%s: %s, %" PRIu64 " bytes\n", path, metadata->state ? "training state" : "model",
         metadata->bytes);
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)config, key, value) {
    char *const text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    printf("  %-29s %s\n", key, text == NULL ? "" : text);
    free(text);
  }
  print_names(names);
  print_popularity(popularity);
  printf("parameters: %zu tensors, %zu values\n", json_array_size(parameters), total);
  size_t index;
  json_array_foreach(parameters, index, value) {
    char *const shape = json_dumps(json_object_get(value, "shape"), JSON_COMPACT);
    printf("  %-52s %s\n", json_string_value(json_object_get(value, "name")),
           shape == NULL ? "" : shape);
    free(shape);
  }
  printf("metadata: %s\n", json_object_size(metadata->pairs) == 0 ? "none" : "");
  json_object_foreach(metadata->pairs, key, value) {
    const char *const text = json_string_value(value);
    printf("  %-29s %s\n", key, text == NULL ? "" : text);
  }
}

static int show_model(const cli_options *options, s3rec_context *context, const char *path) {
  s3rec_model *model = NULL;
  CLI_TRY(cli_open_model(options, context, path, CLI_READ_MODEL, &model));
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  file_metadata metadata = {.pairs = json_object()};
  struct stat status;
  if (stat(path, &status) == 0) metadata.bytes = (uint64_t)status.st_size;
  const s3rec_status read = s3rec_model_file_metadata(context, path, add_metadata_pair, &metadata);
  const int code = cli_check_status(read);
  if (code == CLI_OK && s3rec_model_config_get(model, &config) == S3REC_OK) {
    size_t total = 0;
    json_t *const parameters = list_parameters(model, &total);
    json_t *const sizes = cli_json_config(&config);
    json_t *const names = list_model_names(model);
    json_t *const popularity = describe_popularity(model, config.item_size);
    if (options->json)
      cli_json_print(json_pack("{s:s, s:s, s:I, s:O, s:O, s:O, s:I, s:O, s:O}", "file", path,
                               "kind", metadata.state ? "state" : "model", "bytes",
                               (json_int_t)metadata.bytes, "config", sizes, "names", names,
                               "popularity", popularity, "values", (json_int_t)total, "parameters",
                               parameters, "metadata", metadata.pairs));
    else
      print_model(path, &metadata, sizes, parameters, names, popularity, total);
    json_decref(popularity);
    json_decref(names);
    json_decref(parameters);
    json_decref(sizes);
  }
  json_decref(metadata.pairs);
  s3rec_model_destroy(model);
  return code;
}

int cli_info(cli_options *options) {
  const char *const path = options->file != NULL ? options->file : options->model;
  const bool data = options->data != NULL || options->events.count > 0;
  if (path == NULL && !data) return show_build(options);
  s3rec_context *context = NULL;
  int code = cli_open_context(options, &context);
  if (code == CLI_OK && path != NULL) code = show_model(options, context, path);
  if (code == CLI_OK && data) code = show_data(options, context);
  s3rec_context_destroy(context);
  return code;
}
