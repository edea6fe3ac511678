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

bool same_scores(const s3rec::model &left, const s3rec::model &right,
                 const s3rec::dataset &dataset) {
  return s3rec::scorer::create(left).all(dataset.user_items(0)) ==
         s3rec::scorer::create(right).all(dataset.user_items(0));
}

/* A run that is stopped, saved and gone on with by others, which have the same weights then. */
void stopped(const s3rec::context &context, const s3rec::model &model,
             const s3rec::dataset &dataset) {
  s3rec::run_options options(s3rec::stage::finetune);
  options.epochs = 2;
  options.held_out_count = 2;
  auto run = s3rec::run::create(model, dataset, options);
  CHECK_THROWS(run.valid_metrics(), s3rec::status::not_found, "");
  CHECK_THROWS(run.trained(), s3rec::status::state, "measured");
  int epochs = 0;
  CHECK(!run.finish([&](const s3rec::run_progress &progress) {
    epochs += progress.event == s3rec::run_event::epoch;
    return epochs < 1;
  }));
  CHECK(epochs == 1 && run.valid_metrics().user_count == 12);
  CHECK(run.progress().epoch == 1 && run.progress().event == s3rec::run_event::epoch);
  CHECK(run.ahead().step_count > 0);
  run.set_note("of the host");
  run.save("run-state");
  auto loaded = s3rec::run::create(model, dataset, options);
  loaded.load("run-state");
  auto resumed = s3rec::run::resume(s3rec::model(), dataset, "run-state");
  {
    const auto state = s3rec::run_state::read(context, "run-state");
    CHECK(state->options->epochs == 2 && state->progress->epoch == 1);
    CHECK(std::string(state->note) == "of the host");
  }
  CHECK(std::string(resumed.note()) == "of the host");
  bool is_state = false;
  s3rec::model::file_metadata(context, "run-state", [&](const char *key, const char *) {
    is_state = is_state || std::string(key) == "s3rec_state";
  });
  CHECK(is_state);
  std::filesystem::remove("run-state");
  run.finish();
  int steps = 0;
  CHECK(loaded.finish([&](const s3rec::run_progress &) { steps++; }));
  resumed.finish();
  CHECK(run.step().event == s3rec::run_event::done && steps >= 2);
  CHECK(run.ahead().step_count == 0);
  CHECK_THROWS(loaded.load("none"), s3rec::status::state, "begun");
  const auto trained = run.trained();
  CHECK(!same_scores(trained, model, dataset));
  CHECK(same_scores(trained, loaded.trained(), dataset));
  CHECK(trained.fingerprint() == loaded.trained().fingerprint());
  CHECK(same_scores(trained, resumed.trained(), dataset));
}

/* The front door: data in, a model out. */
void trained_at_once(const s3rec::dataset &dataset) {
  s3rec::train_options options;
  options.with(dataset).pretrain_epochs = 1;
  options.finetune_epochs = 1;
  const s3rec::trained whole = s3rec::train(options);
  CHECK(whole.metrics.user_count == 12 && !whole.model.item_names());
  options.finetune_epochs = 0;
  CHECK_FAILURE(s3rec::try_train(options), s3rec::status::argument, "finetune_epochs is 0");
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
  model = pretraining.trained();
  pretraining.reset();
  stopped(context, model, dataset);
  trained_at_once(dataset);
  CHECK(model.item_names().name(3) == "film 3");
  CHECK(model.attribute_names().find("genre 0") == 0);
}

}  // namespace test
