/* SPDX-License-Identifier: Apache-2.0 */
/* From hooks and files to a dataset, a vocabulary and a model. */
#include "flow_make.h"

static void ignore_log(s3rec_log_level level, const char *message, void *user_data) {
  (void)level;
  (void)message;
  (void)user_data;
}

void flow_make_context(flow *f) {
  s3rec_limits limits;
  s3rec_context_options options;
  s3rec_limits_init_strict(&limits);
  s3rec_context_options_init(&options);
  options.thread_count = f->threads;
  options.backend = f->backend;
  options.log = ignore_log;
  options.limits = &limits;
  FLOW_TRY_OUT(f, f->context, s3rec_context_create(&options, &f->context));
}

/* Whole lists and texts of a dataset go into the digest by its fingerprint. */
static void add_dataset(flow *f) {
  s3rec_dataset_info info;
  s3rec_dataset_info_init(&info);
  FLOW_TRY_OUT(f, info, s3rec_dataset_info_get(f->dataset, &info));
  flow_add(f, &info.fingerprint, sizeof info.fingerprint);
}

void flow_make_dataset(flow *f) {
  flow_make_context(f);
  if (f->context == NULL) return;
  FLOW_TRY_OUT(f, f->dataset,
               s3rec_dataset_load(f->context, flow_input(f, "data.txt"),
                                  flow_input(f, "data_item2attributes.json"),
                                  flow_input(f, "data_sample.txt"), &f->dataset));
  add_dataset(f);
}

void flow_make_model(flow *f) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  config.hidden_size = 16;
  config.num_hidden_layers = 1;
  config.max_seq_length = 12;
  flow_make_dataset(f);
  if (f->dataset == NULL) return;
  FLOW_TRY_OUT(f, f->model, s3rec_model_create_for(f->dataset, &config, 5, &f->model));
  flow_add_model(f, f->model);
}

static void context(flow *f) {
  flow_make_context(f);
}

static void read_events(flow *f, const char *name) {
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  FLOW_TRY_OUT(f, report, s3rec_events_read(f->events, flow_input(f, name), NULL, &report));
  flow_add(f, &report.row_count, sizeof report.row_count);
}

static void append_events(flow *f) {
  static const char users[] = "u1u2u3", items[] = "i1i2i9", tags[] = "a=1a=2a=3";
  static const int64_t ends[] = {0, 2, 4, 6}, tag_ends[] = {0, 3, 6, 9}, times[] = {901, 902, 903};
  static const double values[] = {1, 2.5, 3};
  const s3rec_id_array user_ids = {.text = users, .offsets = ends};
  const s3rec_id_array item_ids = {.text = items, .offsets = ends};
  const s3rec_id_array tag_ids = {.text = tags, .offsets = tag_ends};
  FLOW_TRY(f, s3rec_events_append(f->events, 3, &user_ids, &item_ids, times, values));
  FLOW_TRY(f, s3rec_events_append_attributes(f->events, 3, &item_ids, &tag_ids));
}

static void events_dataset(flow *f) {
  s3rec_events_options options;
  s3rec_events_report report;
  s3rec_events_options_init(&options);
  s3rec_events_report_init(&report);
  options.repeats = S3REC_REPEATS_RUNS;
  options.min_item_events = 2;
  options.max_length = 9;
  FLOW_TRY_OUT(f, f->dataset, s3rec_events_dataset(f->events, &options, &f->dataset, &report));
  flow_add(f, &report.kept_count, sizeof report.kept_count);
  add_dataset(f);
  FLOW_TRY_OUT(f, f->names, s3rec_dataset_item_names(f->dataset, &f->names));
  const char *text;
  const int64_t *offsets;
  FLOW_TRY(f, s3rec_vocabulary_text(f->names, &text, &offsets));
  flow_add(f, text, (size_t)offsets[s3rec_vocabulary_count(f->names)]);
}

static void events(flow *f) {
  s3rec_table_report report;
  s3rec_table_report_init(&report);
  flow_make_context(f);
  if (f->context == NULL) return;
  FLOW_TRY_OUT(f, f->events, s3rec_events_create(f->context, &f->events));
  read_events(f, "events.csv");
  read_events(f, "events.jsonl");
  read_events(f, "events.csv.gz");
  FLOW_TRY_OUT(f, report, s3rec_events_read_attributes(f->events, flow_input(f, "items.csv"), NULL,
                                                       &report));
  append_events(f);
  events_dataset(f);
}

static void dataset(flow *f) {
  static const int64_t item_offsets[] = {0, 3, 7, 12}, attribute_offsets[] = {0, 2, 3};
  static const int32_t items[] = {1, 2, 3, 4, 3, 2, 1, 5, 6, 7, 8, 9};
  static const int32_t attributed[] = {3, 8}, attributes[] = {0, 4, 2};
  static const int32_t negatives[] = {5, 6, 5, 6, 8, 9};
  s3rec_dataset_arrays arrays;
  s3rec_dataset_arrays_init(&arrays);
  arrays.user_count = 3;
  arrays.item_offsets = item_offsets;
  arrays.items = items;
  arrays.attributed_item_count = 2;
  arrays.attributed_items = attributed;
  arrays.attribute_offsets = attribute_offsets;
  arrays.attributes = attributes;
  arrays.negatives_per_user = 2;
  arrays.negatives = negatives;
  flow_make_dataset(f);
  if (f->dataset == NULL) return;
  s3rec_dataset_destroy(f->dataset);
  f->dataset = NULL;
  FLOW_TRY_OUT(f, f->dataset, s3rec_dataset_from_arrays(f->context, &arrays, &f->dataset));
  add_dataset(f);
}

static void vocabulary(flow *f) {
  static const char text[] = "alphabetagammadelta";
  static const int64_t offsets[] = {0, 5, 9, 14, 19};
  int32_t id = -7, ids[4] = {0};
  flow_make_context(f);
  if (f->context == NULL) return;
  FLOW_TRY_OUT(f, f->names, s3rec_vocabulary_create(f->context, S3REC_NAMES_TEXT, 1, text, offsets,
                                                    4, &f->names));
  FLOW_TRY_OUT(f, id, s3rec_vocabulary_find(f->names, "gamma", 5, &id));
  FLOW_TRY_OUT(f, ids, s3rec_vocabulary_find_many(f->names, text, offsets, 4, ids));
  flow_add(f, &id, sizeof id);
  flow_add(f, ids, sizeof ids);
}

static void count_entry(const char *key, const char *value, void *user_data) {
  flow *const f = user_data;
  flow_add(f, key, strlen(key));
  flow_add(f, value, strlen(value));
}

/* Names for the items of the model: the letters of their numbers. */
static void name_items(flow *f, size_t count) {
  char text[1024];
  int64_t offsets[128] = {0};
  for (size_t i = 0; i < count; i++)
    offsets[i + 1] = offsets[i] + snprintf(text + offsets[i], 8, "n%zu", i);
  FLOW_TRY_OUT(f, f->names, s3rec_vocabulary_create(f->context, S3REC_NAMES_TEXT, 1, text, offsets,
                                                    count, &f->names));
  FLOW_TRY(f, s3rec_model_set_names(f->model, f->names, NULL));
}

static void read_back(flow *f, const char *path,
                      s3rec_status (*open)(s3rec_context *context, const char *path,
                                           const s3rec_model_config *fallback,
                                           s3rec_model **model)) {
  s3rec_model_destroy(f->other);
  f->other = NULL;
  FLOW_TRY_OUT(f, f->other, open(f->context, path, NULL, &f->other));
  flow_add_model(f, f->other);
}

static void model(flow *f) {
  s3rec_model_config config;
  s3rec_model_config_init(&config);
  flow_make_model(f);
  if (f->model == NULL) return;
  FLOW_TRY_OUT(f, config, s3rec_model_config_get(f->model, &config));
  name_items(f, (size_t)config.item_size - 2);
  FLOW_TRY(f, s3rec_model_count_popularity(f->model, f->dataset, 1));
  FLOW_TRY_OUT(f, f->other, s3rec_model_clone(f->model, &f->other));
  flow_add_model(f, f->other);
  FLOW_TRY(f, s3rec_model_copy_weights(f->other, f->model));
  const char *const path = flow_output(f, "model.safetensors");
  FLOW_SAVE(f, path, s3rec_model_save(f->model, path));
  const uint64_t digest = f->result->digest;
  flow_arm(f);
  const s3rec_status status = s3rec_model_file_metadata(f->context, path, count_entry, f);
  if (!flow_judge(f, status, "s3rec_model_file_metadata")) {
    f->result->digest = digest;
    if (!f->retry) return;
    flow_again(f, s3rec_model_file_metadata(f->context, path, count_entry, f), "metadata");
  }
  read_back(f, path, s3rec_model_load);
  read_back(f, path, s3rec_model_map);
  read_back(f, flow_input(f, "large.safetensors"), s3rec_model_load);
  read_back(f, flow_input(f, "large.safetensors"), s3rec_model_map);
}

/* Files of deep JSON; nothing may happen but a status, on the smallest stack. The limit is the
 * highest there is. */
static void expect_refusal(flow *f, s3rec_status status, const char *call) {
  if (status != S3REC_ERROR_FORMAT && status != S3REC_ERROR_LIMIT &&
      status != S3REC_ERROR_MEMORY && status != S3REC_ERROR_IO)
    flow_problem(f, call, s3rec_status_name(status));
}

static void hostile(flow *f) {
  s3rec_dataset *no_dataset = NULL;
  s3rec_model *no_model = NULL;
  s3rec_limits limits;
  s3rec_context_options options;
  s3rec_limits_init(&limits);
  s3rec_context_options_init(&options);
  limits.json_depth = 512;
  options.limits = &limits;
  FLOW_TRY_OUT(f, f->context, s3rec_context_create(&options, &f->context));
  FLOW_TRY_OUT(f, f->events, s3rec_events_create(f->context, &f->events));
  FLOW_TRY(f, s3rec_events_read(f->events, flow_input(f, "deep500.jsonl"), NULL, NULL));
  static const char *const depths[] = {"513", "100000"};
  for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
    char name[64];
    snprintf(name, sizeof name, "deep%s.jsonl", depths[i]);
    expect_refusal(f, s3rec_events_read(f->events, flow_input(f, name), NULL, NULL), name);
    snprintf(name, sizeof name, "deep%s.json", depths[i]);
    expect_refusal(f, s3rec_dataset_load(f->context, flow_input(f, "data.txt"),
                                         flow_input(f, name), NULL, &no_dataset), name);
    snprintf(name, sizeof name, "deep%s.safetensors", depths[i]);
    expect_refusal(f, s3rec_model_load(f->context, flow_input(f, name), NULL, &no_model), name);
    expect_refusal(f, s3rec_model_map(f->context, flow_input(f, name), NULL, &no_model), name);
  }
  if (no_dataset != NULL || no_model != NULL) flow_problem(f, "a refusal", "made a handle");
}

const flow_part flow_data_parts[] = {{"context", context, false},
                                     {"events", events, false},
                                     {"dataset", dataset, false},
                                     {"vocabulary", vocabulary, false},
                                     {"model", model, false},
                                     {"hostile", hostile, false},
                                     {NULL, NULL, false}};
