/* SPDX-License-Identifier: Apache-2.0 */
/* All forms of scoring say the same as the C call. */
#include <algorithm>

#include "fixture.hpp"

namespace test {
namespace {

void one_user(s3rec::scorer &scorer, s3rec::span<const int32_t> history) {
  int32_t ids[5];
  float scores[5];
  std::size_t count = 0;
  CHECK(s3rec_score_next(scorer.get(), history.data(), history.size(), nullptr, 5, ids, scores,
                         &count) == S3REC_OK);

  const s3rec::recommendations found = scorer.next(history, 5);
  CHECK(found.items == std::vector<int32_t>(ids, ids + count));
  CHECK(found.scores == std::vector<float>(scores, scores + count));
  CHECK(scorer.next(history, SIZE_MAX).items.size() == items - 3);

  std::array<int32_t, 5> own_ids;
  CHECK(scorer.next(history, own_ids, {}) == 5 && std::equal(ids, ids + 5, own_ids.begin()));

  const std::vector<float> all = scorer.all(history);
  CHECK(all.size() == items + 2 && all[static_cast<std::size_t>(ids[0])] == scores[0]);
  const std::vector<float> vector = scorer.user_vector(history);
  CHECK(vector.size() == 8);
  std::vector<float> hidden(history.size() * 8);
  scorer.encode(s3rec::attention::causal, history, history.size(), hidden);
  CHECK(std::equal(vector.begin(), vector.end(), hidden.end() - 8,
                   [](float a, float b) { return a - b < 1e-4f && b - a < 1e-4f; }));
  CHECK(scorer.memory() > 0);

  const std::vector<int32_t> wanted{ids[4], ids[1], history[0]};
  s3rec::score_options options;
  options.rank_only(wanted);
  CHECK(scorer.next(history, 5, options).items == std::vector<int32_t>{ids[1], ids[4]});
  options.exclude(s3rec::span<const int32_t>(ids).first(2));
  CHECK(scorer.next(history, 5, options).items == std::vector<int32_t>{ids[4]});
  options.rank_only({});
  CHECK(scorer.next(history, 5, options).items.empty());
}

void many_users(s3rec::scorer &scorer) {
  const std::vector<int32_t> histories{1, 2, 3, 4, 5};
  const std::vector<int64_t> offsets{0, 3, 3, 5};
  std::vector<int32_t> ids(3 * 4);
  std::vector<float> scores(3 * 4);
  std::vector<std::size_t> counts(3);
  scorer.next_batch(histories, offsets, 4, ids, scores, counts);
  CHECK(counts == std::vector<std::size_t>{4, 0, 4});
  const auto last = scorer.next(s3rec::span<const int32_t>(histories).last(2), 4);
  CHECK(std::equal(last.items.begin(), last.items.end(), ids.begin() + 8));
  CHECK(std::equal(last.scores.begin(), last.scores.end(), scores.begin() + 8));
}

}  // namespace

void scoring() {
  const auto context = s3rec::context::create();
  const auto dataset = small_dataset(context).value();
  const auto model = s3rec::model::create(context, small_config(dataset), 8);
  s3rec::scorer_options options;
  options.scan = s3rec::scan::f32;
  auto scorer = s3rec::scorer::create(model, options);
  const int32_t history[] = {3, 1, 4};
  one_user(scorer, history);
  many_users(scorer);
  auto moved = std::move(scorer);
  one_user(moved, history);

  s3rec::evaluate_options measure;
  measure.split = s3rec::split::valid;
  measure.seen = s3rec::seen::include;
  std::vector<int64_t> ranks(dataset.info().user_count, -2);
  const s3rec::metrics full = s3rec::evaluate(model, dataset, measure, ranks);
  CHECK(full.user_count == 12 && full.split == s3rec::split::valid);
  CHECK(std::count(ranks.begin(), ranks.end(), -2) == 0);
  CHECK(s3rec::evaluate(model, dataset, measure).mrr == full.mrr);
  measure.protocol = s3rec::protocol::sampled;
  CHECK(s3rec::evaluate(model, dataset, measure).mrr > full.mrr);
}

}  // namespace test
