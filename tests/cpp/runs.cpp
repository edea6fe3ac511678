/* SPDX-License-Identifier: Apache-2.0 */
/* Whole stages of training: to the end, stopped, saved and gone on with. */
#include <filesystem>

#include "fixture.hpp"

namespace test {
namespace {

s3rec::vocabulary numbered(const s3rec::context &context, const char *kind, int32_t first,
                           int32_t count) {
  s3rec::text_column column;
  for (int32_t i = 0; i < count; i++) column.add(kind + std::to_string(first + i));
  return s3rec::vocabulary::create(context, s3rec::names::text, first, column);
}

/* A run that is stopped, saved and gone on with by another, which has the same weights then. */
void stopped(s3rec::model &model, const s3rec::dataset &dataset) {
  s3rec::run_options options(s3rec::stage::finetune);
  options.epochs = 2;
  options.held_out_count = 2;
  auto copy = model.clone();
  {
    auto run = s3rec::run::create(model, dataset, options);
    CHECK_THROWS(run.valid_metrics(), s3rec::status::not_found, "");
    int epochs = 0;
    CHECK(!run.finish([&](const s3rec::run_progress &progress) {
      epochs += progress.event == s3rec::run_event::epoch;
      return epochs < 1;
    }));
    CHECK(epochs == 1 && run.valid_metrics().user_count == 12);
    run.save("run-state");
    auto resumed = s3rec::run::create(copy, dataset, options);
    resumed.load("run-state");
    std::filesystem::remove("run-state");
    run.finish();
    int steps = 0;
    CHECK(resumed.finish([&](const s3rec::run_progress &) { steps++; }));
    CHECK(run.step().event == s3rec::run_event::done && steps >= 2);
    CHECK_THROWS(resumed.load("none"), s3rec::status::state, "begun");
  }
  CHECK(s3rec::scorer::create(model).all(dataset.user_items(0)) ==
        s3rec::scorer::create(copy).all(dataset.user_items(0)));
}

}  // namespace

void runs() {
  const auto context = s3rec::context::create();
  const auto dataset = small_dataset(context).value();
  auto model = s3rec::model::create(context, small_config(dataset), 2);
  const auto films = numbered(context, "film ", 1, model.config().item_size - 2);
  const auto genres = numbered(context, "genre ", 0, model.config().attribute_size);
  CHECK(!model.item_names());
  model.set_names(films, genres);

  s3rec::run_options options(s3rec::stage::pretrain);
  options.epochs = 1;
  s3rec::sampler_options sampling = small_sampling(s3rec::stage::pretrain);
  options.sampler = &sampling;
  auto pretraining = s3rec::run::create(model, dataset, options);
  CHECK(pretraining.try_finish());
  pretraining.reset();
  stopped(model, dataset);
  CHECK(model.item_names().name(3) == "film 3");
  CHECK(model.attribute_names().find("genre 0") == 0);
}

}  // namespace test
