/* SPDX-License-Identifier: Apache-2.0 */
/* Dataset, batch, model, trainer, recipe: the C++ calls give what the C calls give. */
#include <filesystem>

#include "fixture.hpp"

namespace test {
namespace {

void data(const s3rec::context &context) {
  const arrays content;
  const auto dataset = s3rec::dataset::from_arrays(context, content.view());
  const s3rec::dataset_info info = dataset.info();
  CHECK(info.user_count == 12 && info.item_size == items + 2 && info.negatives_per_user == 3);
  CHECK(dataset.user_items(0).size() == 5 && dataset.user_items(0)[1] == 4);
  CHECK(dataset.item_attributes(1).empty() && dataset.item_attributes(4)[0] == 1);
  CHECK(dataset.user_negatives(2)[0] == 3);
  CHECK(!dataset.item_names() && !dataset.user_names() && !dataset.attribute_names());
  CHECK_THROWS(dataset.user_items(12), s3rec::status::not_found, "12");
  CHECK_THROWS(s3rec::dataset::load(context, std::filesystem::path("none.txt")),
               s3rec::status::io, "none.txt");
}

void parameters(const s3rec::context &context, const s3rec::dataset &dataset) {
  auto model = s3rec::model::create(context, small_config(dataset), 5);
  CHECK(model.config().hidden_size == 8 && model.memory() > 0);
  CHECK(model.parameter_count() > 10);
  const s3rec::parameter_info first = model.parameter(0);
  std::vector<float> values(first.element_count), again(first.element_count);
  model.read(first.name, values);
  values[9] = 0.25f;
  model.write(first.name, values);
  model.read(first.name, again);
  CHECK(values == again);
  CHECK_THROWS(model.read(first.name, s3rec::span<float>(values).first(1)),
               s3rec::status::argument, first.name);
  CHECK_THROWS(model.parameter(1000), s3rec::status::argument, "1000");

  auto other = s3rec::model::create(context, small_config(dataset), 6);
  other.copy_weights(model);
  other.read(first.name, again);
  CHECK(values == again);
  model.set_dropouts(0.1, 0.2);
  CHECK(model.clone().config().attention_probs_dropout_prob == 0.2);

  model.save("weights.safetensors");
  for (const auto &loaded : {s3rec::model::load(context, "weights.safetensors"),
                             s3rec::model::map(context, "weights.safetensors")}) {
    loaded.read(first.name, again);
    CHECK(values == again);
  }
  std::filesystem::remove("weights.safetensors");
}

/* Two trainers that see the same batches, one by gradients read and written back; a third goes
 * on from a saved state. */
void steps(const s3rec::context &context, const s3rec::dataset &dataset) {
  auto left = s3rec::model::create(context, small_config(dataset), 5);
  auto right = left.clone(), resumed = left.clone();
  const s3rec::sampler_options sampling = small_sampling(s3rec::stage::pretrain);
  auto sampler = s3rec::sampler::create(dataset, sampling);
  auto batch = s3rec::batch::create(context);
  s3rec::trainer_options options;
  options.learning_rate = 0.01;
  auto one = s3rec::trainer::create(left, options), two = s3rec::trainer::create(right, options);
  CHECK(sampler.epoch_size().steps >= 1 && sampler.epoch_size().instances > 12);

  sampler.next(batch);
  CHECK(batch.info().stage == s3rec::stage::pretrain);
  CHECK(batch.read("pos_items").size() ==
        static_cast<std::size_t>(batch.info().batch_size) * 10);
  CHECK_THROWS(batch.read("input_ids"), s3rec::status::not_found, "array");
  const s3rec::losses losses = one.pretrain_step(batch);
  CHECK(losses.total > 0 && losses.sequence_count > 0);
  CHECK(two.compute_gradients(batch).total == losses.total);
  for (std::size_t i = 0; i < right.parameter_count(); i++) {
    const s3rec::parameter_info parameter = right.parameter(i);
    std::vector<float> gradient(parameter.element_count);
    two.gradient_read(parameter.name, gradient);
    two.gradient_write(parameter.name, gradient);
  }
  two.apply_gradients();
  CHECK(one.step_count() == 1 && two.step_count() == 1 && one.memory() > 0);

  const s3rec::sampler_position position = sampler.position();
  one.save("state", &sampler, "a note");
  auto third = s3rec::trainer::create(resumed, options);
  auto sampler_of_third = s3rec::sampler::create(dataset, sampling);
  third.load("state", &sampler_of_third);
  CHECK(std::strcmp(third.note(), "a note") == 0);
  CHECK(sampler_of_third.position().step == position.step);
  std::filesystem::remove("state");

  sampler.next(batch);
  const double second = one.pretrain_step(batch).total;
  CHECK(two.pretrain_step(batch).total == second);
  sampler_of_third.next(batch);
  CHECK(third.pretrain_step(batch).total == second);
  sampler.seek(position);
  CHECK(sampler.position().epoch == position.epoch);
  CHECK_THROWS(s3rec::scorer::create(left), s3rec::status::state, "trainer");
}

void own_batches(const s3rec::context &context, const s3rec::dataset &dataset) {
  auto model = s3rec::model::create(context, small_config(dataset), 5);
  auto trainer = s3rec::trainer::create(model);
  auto batch = s3rec::batch::create(context);
  const std::vector<int32_t> input{0, 1, 2, 3, 4, 5}, target{0, 2, 3, 4, 5, 6};
  batch.set_finetune(2, 3, input, target);
  CHECK(batch.info().target_count == 5 && batch.read("input_ids") == input);
  CHECK(trainer.finetune_step(batch).next_item > 0);

  s3rec::pretrain_arrays padded;
  padded.batch_size = 1;
  padded.max_seq_length = 2;
  padded.attribute_size = model.config().attribute_size;
  padded.mask_id = model.config().item_size - 1;
  const std::vector<uint8_t> attributes(2 * static_cast<std::size_t>(padded.attribute_size));
  const int32_t ids[] = {3, 4}, masked[] = {padded.mask_id, 4}, negative[] = {5, 4};
  padded.attributes = attributes.data();
  padded.masked_item_sequence = padded.masked_segment_sequence = masked;
  padded.pos_items = padded.pos_segment = ids;
  padded.neg_items = padded.neg_segment = negative;
  batch.set_pretrain(padded);
  CHECK(batch.info().stage == s3rec::stage::pretrain);
}

void recipes() {
  const s3rec::recipe::plan plan =
      s3rec::recipe::plan_of(s3rec::recipe::best, s3rec::stage::finetune);
  CHECK(plan.epochs > 0);
  const s3rec::sampler_options sampling =
      s3rec::recipe::sampler_options(s3rec::recipe::paper, s3rec::stage::finetune);
  CHECK(sampling.batch_size == 256);
  const s3rec::trainer_options options =
      s3rec::recipe::trainer_options(s3rec::recipe::paper, s3rec::stage::finetune, 10);
  CHECK(options.finetune_loss == s3rec::loss::bce);
  CHECK_THROWS(s3rec::recipe::plan_of(static_cast<s3rec_recipe>(3), s3rec::stage::finetune),
               s3rec::status::argument, "");
}

}  // namespace

void training() {
  const auto context = s3rec::context::create();
  CHECK(context.backend() == s3rec::backend::fused);
  CHECK(context.kernel_level() != s3rec::kernels::automatic);
  CHECK(s3rec::build_info().find(s3rec::version()) != std::string::npos);
  CHECK(s3rec::abi_version() == S3REC_ABI_VERSION);
  data(context);
  const auto dataset = small_dataset(context).value();
  parameters(context, dataset);
  steps(context, dataset);
  own_batches(context, dataset);
  recipes();
}

}  // namespace test
