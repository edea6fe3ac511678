/* SPDX-License-Identifier: Apache-2.0 */
/* Handles are destroyed once, whatever happens; hooks. */
#include "fixture.hpp"

namespace test {
namespace {

template <class H>
constexpr bool owns_alone = !std::is_copy_constructible_v<H> && !std::is_copy_assignable_v<H> &&
                            std::is_nothrow_move_constructible_v<H> &&
                            std::is_nothrow_move_assignable_v<H> &&
                            std::is_nothrow_default_constructible_v<H>;
static_assert(owns_alone<s3rec::context> && owns_alone<s3rec::dataset>);
static_assert(owns_alone<s3rec::vocabulary> && owns_alone<s3rec::events>);
static_assert(owns_alone<s3rec::batch> && owns_alone<s3rec::sampler>);
static_assert(owns_alone<s3rec::model> && owns_alone<s3rec::trainer>);
static_assert(owns_alone<s3rec::scorer> && owns_alone<s3rec::run>);
static_assert(owns_alone<s3rec::recommender> && owns_alone<s3rec::filter>);
static_assert(owns_alone<s3rec::answer>);
static_assert(sizeof(s3rec::model) == sizeof(s3rec_model *));
static_assert(sizeof(s3rec::trainer_options) == sizeof(s3rec_trainer_options));

void moves() {
  counting_allocator allocator;
  {
    s3rec::context_options options;
    options.allocate_from(allocator);
    auto context = *s3rec::context::try_create(options);
    CHECK(allocator.live > 0);
    const long with_context = allocator.live;

    auto batch = *s3rec::batch::try_create(context);
    s3rec_batch *const made = batch.get();
    s3rec::batch other = std::move(batch);
    CHECK(!batch && other.get() == made); /* NOLINT: a moved-from handle is empty */
    batch = std::move(other);
    CHECK(batch.get() == made && !other);
    other = *s3rec::batch::try_create(context);
    other = std::move(batch); /* what `other` had is destroyed */
    CHECK(other.get() == made);
    other.reset();
    CHECK(!other && allocator.live == with_context);

    auto given = *s3rec::batch::try_create(context);
    s3rec_batch *const raw = given.release();
    CHECK(raw != nullptr && !given);
    s3rec::batch(raw).reset();
    CHECK(allocator.live == with_context);

    /* The order is free: the batch keeps the context alive. */
    auto last = *s3rec::batch::try_create(context);
    context.reset();
    CHECK(allocator.live > 0 && last.try_info());
  }
  CHECK(allocator.live == 0);
}

/* Everything once; the status of the first step that failed. */
s3rec_status scenario(counting_allocator &allocator) {
  s3rec::context_options options;
  options.allocate_from(allocator);
  const auto context = s3rec::context::try_create(options);
  if (!context) return context.status();
  const auto dataset = small_dataset(*context);
  if (!dataset) return dataset.status();
  auto model = s3rec::model::try_create(*context, small_config(*dataset), 3);
  if (!model) return model.status();
  auto batch = s3rec::batch::try_create(*context);
  if (!batch) return batch.status();
  auto sampler = s3rec::sampler::try_create(*dataset, small_sampling(s3rec::stage::pretrain));
  if (!sampler) return sampler.status();
  if (const auto drawn = sampler->try_next(*batch); !drawn) return drawn.status();
  auto trainer = s3rec::trainer::try_create(*model);
  if (!trainer) return trainer.status();
  if (const auto losses = trainer->try_pretrain_step(*batch); !losses) return losses.status();
  const auto clone = model->try_clone();
  if (!clone) return clone.status();
  auto scorer = s3rec::scorer::try_create(*clone);
  if (!scorer) return scorer.status();
  const int32_t history[] = {3, 1, 4};
  int32_t ids[5];
  float scores[5];
  return scorer->try_next(history, ids, scores).status();
}

/* With every allocation failing in its turn nothing leaks and MEMORY comes out. */
void every_allocation(bool throws) {
  counting_allocator allocator;
  allocator.throws = throws;
  long failed = 0;
  for (;; failed++) {
    allocator.failing = failed + 1;
    const s3rec_status status = scenario(allocator);
    if (allocator.live != 0) break;
    if (allocator.failing > 0) {
      CHECK(status == s3rec::status::ok);
      break;
    }
    if (status != s3rec::status::memory) break;
  }
  CHECK(allocator.live == 0);
  CHECK(failed > 20);
  CHECK(allocator.failing > 0);
}

void logger() {
  std::vector<std::string> lines;
  auto log = [&lines](s3rec_log_level, std::string_view line) {
    lines.emplace_back(line);
#if defined(__cpp_exceptions)
    throw 1; /* which the library must not see */
#endif
  };
  s3rec::context_options options;
  options.log_to(log);
  const auto context = s3rec::context::try_create(options);
  const auto dataset = small_dataset(*context);
  const auto model = s3rec::model::try_create(*context, small_config(*dataset), 3);
  CHECK(model->try_save("mapped.safetensors"));
  const std::size_t before = lines.size();
  CHECK(s3rec::model::try_map(*context, "mapped.safetensors"));
  CHECK(lines.size() > before); /* a small table is copied, which the log says */
  std::remove("mapped.safetensors");
}

}  // namespace

void ownership() {
  moves();
  every_allocation(false);
#if defined(__cpp_exceptions)
  every_allocation(true);
#endif
  logger();
}

}  // namespace test
