/* SPDX-License-Identifier: Apache-2.0 */
/* The front door: answers are those of the C calls and of a scorer. */
#include <algorithm>
#include <string>

#include "fixture.hpp"

namespace test {
namespace {

std::vector<int32_t> ids_of(const s3rec::ranked_items &found) {
  return {found.ids.begin(), found.ids.end()};
}

s3rec::vocabulary item_names(const s3rec::context &context) {
  std::string text;
  std::vector<int64_t> offsets{0};
  for (int32_t item = 1; item <= items; item++) {
    text += "item " + std::to_string(item);
    offsets.push_back(static_cast<int64_t>(text.size()));
  }
  return s3rec::vocabulary::create(context, s3rec::names::text, 1, {text, offsets});
}

void questions(const s3rec::recommender &recommender, const s3rec::model &model) {
  const std::vector<int32_t> history{3, 1, 4};
  auto scorer = s3rec::scorer::create(model);
  const s3rec::recommendations expected = scorer.next(history, 5);
  const s3rec::recommendations found = recommender.recommend(history, 5);
  CHECK(found.items == expected.items && found.scores == expected.scores);
  std::array<int32_t, 5> own;
  CHECK(recommender.recommend(history, own) == 5 &&
        std::equal(own.begin(), own.end(), expected.items.begin()));
  std::array<float, 2> short_scores;
  CHECK_FAILURE(recommender.try_recommend(history, own, short_scores), s3rec::status::argument,
                "shorter");

  const char *const names[] = {"item 3", "item 1", "item 4", "no such item"};
  const auto by_name = recommender.recommend(s3rec::request(names).best(5));
  CHECK(ids_of(by_name[0]) == expected.items && by_name[0].unknown_count == 1);
  CHECK(by_name[0].names.size() == 5 &&
        by_name[0].names[0] == "item " + std::to_string(expected.items[0]));
  CHECK(by_name[0].source == s3rec::answer_source::model && by_name[0].model_number == 1);
  CHECK_THROWS(by_name[1], s3rec::status::not_found, "the answer has 1");

  const int64_t bounds[] = {0, 2, 2, 3};
  const auto many = recommender.recommend(s3rec::request(history).users(bounds).best(2));
  CHECK(many.rows().width == 2 && many.rows().ids[2] == many[1].ids[0] &&
        many.rows().scores[5] == many[2].scores[1]);
  CHECK(many[1].source == s3rec::answer_source::popular && many[1].count() == 2);
  const auto last = s3rec::span<const int32_t>(history).last(1);
  CHECK(ids_of(many[2]) == recommender.recommend(last, 2).items);
  const auto similar = recommender.similar(s3rec::request(history));
  CHECK(similar[0].count() == 10 && similar[0].scores[0] <= 1);
  CHECK_FAILURE(recommender.try_similar(s3rec::request(history).users(bounds).best(2).of(names)),
                s3rec::status::argument, "both");
}

void filters(const s3rec::recommender &recommender) {
  const std::vector<int32_t> history{3, 1, 4};
  const std::vector<int32_t> best = recommender.recommend(history, 5).items;
  const std::string name = "item " + std::to_string(best[0]);
  const char *const denied_names[] = {name.c_str()};
  const auto without = recommender.filter(s3rec::filter_options().deny(denied_names));
  CHECK(recommender.recommend(history, 4, without).items ==
        std::vector<int32_t>(best.begin() + 1, best.end()));
  const int32_t allowed[] = {best[2], best[1], best[0]};
  const auto only = recommender.filter(s3rec::filter_options().allow(allowed).deny(denied_names));
  CHECK(recommender.recommend(history, 4, only).items == std::vector<int32_t>{best[1], best[2]});
  const auto nothing = recommender.filter(s3rec::filter_options().allow(best).deny(best));
  CHECK(recommender.recommend(history, 4, nothing).items.empty());
  const auto none = recommender.filter(
      s3rec::filter_options().allow(s3rec::span<const int32_t>()));
  CHECK(recommender.recommend(history, 4, none).items.empty());
  CHECK(ids_of(recommender.recommend(s3rec::request(history).through(only))[0]) ==
        (std::vector<int32_t>{best[1], best[2]}));
}

}  // namespace

void serving() {
  const auto context = s3rec::context::create();
  const auto dataset = small_dataset(context).value();
  auto model = s3rec::model::create(context, small_config(dataset), 8);
  model.set_names(item_names(context), {});
  model.count_popularity(dataset, 1);
  std::vector<int32_t> events(items + 2), again(items + 2);
  model.popularity(events);
  model.set_popularity(events);
  model.popularity(again);
  CHECK(events == again && std::count(events.begin(), events.end(), 0) < items);

  s3rec::recommender_options options;
  options.scan = s3rec::scan::f32;
  const auto recommender = s3rec::recommender::create(model, options.with(context));
  questions(recommender, model);
  filters(recommender);
  CHECK(recommender.model().get() == model.get());

  auto next = s3rec::model::create(context, small_config(dataset), 9);
  s3rec::exchange_options exchange;
  CHECK_THROWS(recommender.exchange(next, exchange), s3rec::status::mismatch, "no names");
  next.set_names(item_names(context), {});
  recommender.exchange(next, exchange.measured_on(dataset));
  CHECK_FAILURE(recommender.try_exchange("no/such/file"), s3rec::status::io, "no/such/file");
  CHECK_FAILURE(s3rec::recommender::try_open("no/such/file"), s3rec::status::io, "no/such/file");
  const s3rec::statistics found = recommender.statistics();
  CHECK(found.model_number == 2 && found.refused_exchange_count == 2);
  CHECK(found.call_count > 10 && found.latency_of(0.5) > 0);
}

}  // namespace test
