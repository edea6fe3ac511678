/* SPDX-License-Identifier: Apache-2.0 */
/* end_to_end.c in C++17. Failures are exceptions; memory is freed by its owners.
 *
 * usage: end_to_end EVENTS ITEMS MODEL USER... */
#include <cstdio>
#include <cstdlib>

#include "s3rec/s3rec.hpp"

namespace {

constexpr int32_t pretrain_epochs = 2, finetune_epochs = 3; /* few; 0: as in the recipe */

s3rec::dataset load_data(const s3rec::context &context, const char *log, const char *items) {
  auto events = s3rec::events::create(context);
  events.read(log);
  events.read_attributes(items);
  s3rec::events_options options;
  options.min_user_events = options.min_item_events = 5; /* the 5-core */
  s3rec::events_report report;
  auto dataset = events.dataset(options, &report);
  std::printf("events %zu, kept %zu, items with attributes %zu\n", report.event_count,
              report.kept_count, report.attributed_item_count);
  return dataset;
}

s3rec::model make_model(const s3rec::context &context, const s3rec::dataset &dataset) {
  s3rec::model_config config(dataset.info());
  config.max_seq_length = 20;
  config.hidden_size = 32;
  config.num_hidden_layers = 1;
  auto model = s3rec::model::create(context, config, 42);
  model.set_names(dataset.item_names(), dataset.attribute_names());
  return model;
}

s3rec::model train(const s3rec::model &model, const s3rec::dataset &dataset, s3rec_stage stage,
                   int32_t epochs) {
  s3rec::run_options options(stage);
  options.epochs = epochs;
  auto run = s3rec::run::create(model, dataset, options);
  run.finish([&](const s3rec::run_progress &at) {
    if (at.event != s3rec::run_event::epoch) return;
    const char *const phase = stage == s3rec::stage::pretrain ? "pretrain"
                              : at.refit                      ? "refit"
                                                              : "finetune";
    std::printf("%s %d: loss %.17g, valid %.17g\n", phase, static_cast<int>(at.epoch), at.loss,
                at.valid_value);
  });
  return run.trained();
}

void measure(const s3rec::model &model, const s3rec::dataset &dataset) {
  const s3rec::metrics metrics = s3rec::evaluate(model, dataset);
  std::printf("test, %zu users: HR@10 %.17g, NDCG@10 %.17g, MRR %.17g\n", metrics.user_count,
              metrics.hit_rate[2], metrics.ndcg[1], metrics.mrr);
}

/* As in a server: everything comes from the mapped model file, also the names. */
void serve(const s3rec::context &context, const s3rec::dataset &dataset, const char *path,
           s3rec::span<char *> users) {
  const auto model = s3rec::model::map(context, path);
  const auto item_names = model.item_names(), user_names = dataset.user_names();
  auto scorer = s3rec::scorer::create(model);
  for (const char *user : users) {
    const std::optional<int32_t> number = user_names.find(user);
    if (!number) throw s3rec::error(s3rec::failure(s3rec::status::not_found, user));
    const s3rec::recommendations best =
        scorer.next(dataset.user_items(static_cast<std::size_t>(*number)), 5);
    for (std::size_t i = 0; i < best.items.size(); i++)
      std::printf("%s: %s %.9g\n", user, item_names.name(best.items[i]).data(),
                  static_cast<double>(best.scores[i]));
  }
}

}  // namespace

int main(int count, char **arguments) try {
  if (count < 5) {
    std::fprintf(stderr, "usage: %s EVENTS ITEMS MODEL USER...\n", arguments[0]);
    return EXIT_FAILURE;
  }
  const auto context = s3rec::context::create();
  const auto dataset = load_data(context, arguments[1], arguments[2]);
  auto model = make_model(context, dataset);
  model = train(model, dataset, s3rec::stage::pretrain, pretrain_epochs);
  model = train(model, dataset, s3rec::stage::finetune, finetune_epochs);
  measure(model, dataset);
  model.save(arguments[3]);
  serve(context, dataset, arguments[3],
        s3rec::span<char *>(arguments + 4, static_cast<std::size_t>(count - 4)));
  return EXIT_SUCCESS;
} catch (const s3rec::error &why) {
  std::fprintf(stderr, "%s: %s\n", why.status_name(), why.what());
  return EXIT_FAILURE;
}
