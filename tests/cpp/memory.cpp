/* SPDX-License-Identifier: Apache-2.0 */
/* Memory fails at the n-th request, for every n: operator new in this program, or the allocator of
 * the context. */
#include <string>

#include "fixture.hpp"

namespace {

std::atomic<long> new_failing{0}, new_live{0};

void *counted_new(std::size_t size) noexcept {
  if (new_failing > 0 && --new_failing == 0) return nullptr;
  void *const memory = std::malloc(size == 0 ? 1 : size);
  if (memory != nullptr) new_live++;
  return memory;
}

void counted_delete(void *memory) noexcept {
  if (memory != nullptr) new_live--;
  std::free(memory);
}

void *thrown_new(std::size_t size) {
  void *const memory = counted_new(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void *operator new(std::size_t size) { return thrown_new(size); }
void *operator new[](std::size_t size) { return thrown_new(size); }
void *operator new(std::size_t size, const std::nothrow_t &) noexcept { return counted_new(size); }
void *operator new[](std::size_t size, const std::nothrow_t &) noexcept {
  return counted_new(size);
}
void operator delete(void *memory) noexcept { counted_delete(memory); }
void operator delete[](void *memory) noexcept { counted_delete(memory); }
void operator delete(void *memory, std::size_t) noexcept { counted_delete(memory); }
void operator delete[](void *memory, std::size_t) noexcept { counted_delete(memory); }

namespace test {
namespace {

/* What every call of the flow works on; made once, and to be usable after each failure. */
struct standing {
  explicit standing(counting_allocator &allocator) {
    s3rec::context_options options;
    context = s3rec::context::create(options.allocate_from(allocator));
    dataset = small_dataset(context).value();
    model = s3rec::model::create(context, small_config(dataset), 8);
    for (int32_t item = 1; item <= items; item++) names.add("item " + std::to_string(item));
    vocabulary = s3rec::vocabulary::create(context, s3rec::names::text, 1, names);
    model.set_names(vocabulary, {});
    recommender = s3rec::recommender::create(model);
    scorer = s3rec::scorer::create(model);
    answer = scorer.next(history, 5).items;
    CHECK(same());
  }
  /* Everything answers as it did, whatever failed meanwhile. */
  bool same() {
    return scorer.next(history, 5).items == answer &&
           recommender.recommend(history, 5).items == answer && names.size() == items &&
           vocabulary.find_many(names).size() == static_cast<std::size_t>(items);
  }

  std::vector<int32_t> history{3, 1, 4}, answer;
  s3rec::context context;
  s3rec::dataset dataset;
  s3rec::model model;
  s3rec::text_column names;
  s3rec::vocabulary vocabulary;
  s3rec::recommender recommender;
  s3rec::scorer scorer;
};

/* Calls that throw: vectors, strings, errors, handles. */
void flow(standing &s) {
  CHECK(s.scorer.next(s.history, 5).items == s.answer);
  CHECK(s.scorer.all(s.history).size() == static_cast<std::size_t>(items) + 2);
  CHECK(!s.scorer.user_vector(s.history).empty());
  CHECK(s.recommender.recommend(s.history, 5).items == s.answer);
  CHECK(s.vocabulary.find_many(s.names).back() == items);
  CHECK(!s3rec::build_info().empty());
  const char *const asked[] = {"item 3", "item 1"};
  const auto answer = s.recommender.recommend(s3rec::request(asked).best(5));
  CHECK(answer[0].names.size() == 5);
  const auto filter = s.recommender.filter(s3rec::filter_options().deny(asked));
  CHECK(s.recommender.recommend(s.history, 3, filter).items.size() == 3);

  auto clone = s3rec::model::create(s.context, small_config(s.dataset), 5);
  clone.set_names(s.vocabulary, {});
  auto sampler = s3rec::sampler::create(s.dataset, small_sampling(s3rec::stage::finetune));
  auto batch = s3rec::batch::create(s.context);
  sampler.next(batch);
  CHECK(!batch.read("input_ids").empty());
  {
    auto trainer = s3rec::trainer::create(clone);
    CHECK(trainer.finetune_step(batch).sequence_count > 0);
  }
  auto events = s3rec::events::create(s.context);
  s3rec::text_column ids;
  ids.add("a name that is too long for the room that a string has in itself");
  ids.add("b");
  events.append(ids, ids);
  const auto nothing = s3rec::model::try_load(s.context, "no/such/file");
  CHECK(nothing.status() == s3rec::status::io || nothing.status() == s3rec::status::memory);
  CHECK(nothing.error().detail()[0] != '\0');
  bool thrown = false;
  try {
    static_cast<void>(s3rec::model::load(s.context, "no/such/file"));
  } catch (const s3rec::error &why) {
    thrown = why.status() == s3rec::status::io || why.status() == s3rec::status::memory;
    if (why.status() == s3rec::status::memory) throw;
  }
  CHECK(thrown);
}

/* Whether the flow came to its end. */
bool passes(standing &s, bool *refused) {
  *refused = false;
  try {
    flow(s);
    return true;
  } catch (const s3rec::error &why) {
    CHECK(why.status() == s3rec::status::memory);
    *refused = true;
  } catch (const std::bad_alloc &) {
    *refused = true;
  }
  return false;
}

/* `failing` counts down to the request that fails. */
void sweep(standing &s, counting_allocator &allocator, std::atomic<long> &failing) {
  bool refused;
  CHECK(passes(s, &refused));
  const long blocks = allocator.live, objects = new_live;
  long unseen = 0, n = 1;
  for (;; n++) {
    failing = n;
    const bool passed = passes(s, &refused);
    const bool ended = failing > 0;
    failing = 0;
    CHECK(passed || refused);
    if (allocator.live != blocks || new_live != objects || !s.same()) unseen++;
    if (ended) break;
  }
  CHECK(unseen == 0 && n > 10);
}

/* An add that has no memory leaves the column as it was. */
void columns() {
  for (long n = 1; n <= 6; n++) {
    s3rec::text_column column;
    const std::string longer(40, 'x');
    for (int i = 0; i < 9; i++) {
      try {
        new_failing = n;
        column.add(longer);
      } catch (const std::bad_alloc &) {
      }
      new_failing = 0;
    }
    const s3rec::text_view view = column;
    bool whole = view.consistent();
    for (std::size_t i = 0; i <= column.size(); i++)
      whole = whole && view.offsets[i] == static_cast<int64_t>(i * longer.size());
    CHECK(whole);
  }
}

}  // namespace

void memory() {
  columns();
  counting_allocator allocator;
  {
    standing s(allocator);
    sweep(s, allocator, new_failing);
    sweep(s, allocator, allocator.failing);
  }
  CHECK(allocator.live == 0);
}

}  // namespace test
