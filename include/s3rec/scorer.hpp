/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: recommendations and evaluation. */
#ifndef S3REC_SCORER_HPP
#define S3REC_SCORER_HPP

#include <vector>

#include "s3rec/model.hpp"
#include "s3rec/scorer.h"

namespace s3rec {

/** What scoring scans, of type s3rec_scan. */
namespace scan {
inline constexpr s3rec_scan automatic = S3REC_SCAN_AUTO;
inline constexpr s3rec_scan f32 = S3REC_SCAN_F32;
inline constexpr s3rec_scan bf16 = S3REC_SCAN_BF16;
inline constexpr s3rec_scan int8 = S3REC_SCAN_INT8;
}  // namespace scan

/** Attention masks, of type s3rec_attention. */
namespace attention {
inline constexpr s3rec_attention causal = S3REC_ATTENTION_CAUSAL;
inline constexpr s3rec_attention bidirectional = S3REC_ATTENTION_BIDIRECTIONAL;
}  // namespace attention

/** Splits, of type s3rec_split. */
namespace split {
inline constexpr s3rec_split valid = S3REC_SPLIT_VALID;
inline constexpr s3rec_split test = S3REC_SPLIT_TEST;
}  // namespace split

/** Protocols of evaluation, of type s3rec_protocol. */
namespace protocol {
inline constexpr s3rec_protocol full = S3REC_PROTOCOL_FULL;
inline constexpr s3rec_protocol sampled = S3REC_PROTOCOL_SAMPLED;
}  // namespace protocol

/** What happens to seen items, of type s3rec_seen_policy. */
namespace seen {
inline constexpr s3rec_seen_policy exclude = S3REC_SEEN_EXCLUDE;
inline constexpr s3rec_seen_policy zero = S3REC_SEEN_ZERO;
inline constexpr s3rec_seen_policy include = S3REC_SEEN_INCLUDE;
}  // namespace seen

/** One figure of the metrics, of type s3rec_metric. */
namespace metric {
inline constexpr s3rec_metric hr_1 = S3REC_METRIC_HR_1;
inline constexpr s3rec_metric hr_5 = S3REC_METRIC_HR_5;
inline constexpr s3rec_metric hr_10 = S3REC_METRIC_HR_10;
inline constexpr s3rec_metric hr_20 = S3REC_METRIC_HR_20;
inline constexpr s3rec_metric ndcg_5 = S3REC_METRIC_NDCG_5;
inline constexpr s3rec_metric ndcg_10 = S3REC_METRIC_NDCG_10;
inline constexpr s3rec_metric ndcg_20 = S3REC_METRIC_NDCG_20;
inline constexpr s3rec_metric mrr = S3REC_METRIC_MRR;
}  // namespace metric

/** s3rec_scorer_options with its defaults. */
struct scorer_options : s3rec_scorer_options {
  scorer_options() noexcept { s3rec_scorer_options_init(this); }
};

/** s3rec_score_options with its defaults; views are borrowed as long as it is used. */
struct score_options : s3rec_score_options {
  score_options() noexcept { s3rec_score_options_init(this); }

  /** Leaves these items out, too. */
  score_options &exclude(span<const int32_t> items) noexcept {
    excluded = items.data();
    excluded_count = items.size();
    return *this;
  }
  /** Ranks only these; of none, nothing. */
  score_options &rank_only(span<const int32_t> items) noexcept {
    static constexpr int32_t none = 0;
    candidates = items.data() != nullptr ? items.data() : &none;
    candidate_count = items.size();
    return *this;
  }
};

/** s3rec_evaluate_options with its defaults. */
struct evaluate_options : s3rec_evaluate_options {
  evaluate_options() noexcept { s3rec_evaluate_options_init(this); }
};

using metrics = s3rec_metrics;

/** What s3rec::scorer::next found, best first. */
struct recommendations {
  std::vector<int32_t> items;
  std::vector<float> scores;
};

/** s3rec_scorer: working memory to score one model. One thread at a time, one for each thread. */
class scorer : public handle<s3rec_scorer, s3rec_scorer_destroy> {
 public:
  scorer() noexcept = default;

  static result<scorer> try_create(const model &model,
                                   or_default<s3rec_scorer_options> options = {}) noexcept {
    s3rec_model_config config;
    s3rec_model_config_init(&config);
    s3rec_status status = s3rec_model_config_get(model.get(), &config);
    if (status != S3REC_OK) return failure(status);
    s3rec_scorer *made = nullptr;
    status = s3rec_scorer_create_with(model.get(), options.get(), &made);
    if (status != S3REC_OK) return failure(status);
    return scorer(made, config);
  }

  /** The best next items, as many as `items` has room for; returns how many there are. `scores`
   * may be empty: not wanted. */
  result<std::size_t> try_next(span<const int32_t> history, span<int32_t> items,
                               span<float> scores,
                               or_default<s3rec_score_options> options = {}) noexcept {
    if (!scores.empty() && scores.size() < items.size())
      return detail::refused("scores: shorter than items");
    std::size_t count = 0;
    const s3rec_status status =
        s3rec_score_next(get(), history.data(), history.size(), options.get(), items.size(),
                         items.data(), scores.empty() ? nullptr : scores.data(), &count);
    return detail::done(status, count);
  }

  /** The same for many users at once: history u is histories[offsets[u]] ..
   * histories[offsets[u + 1] - 1]. items and scores [users, k] (scores may be empty), counts
   * [users]. */
  result<void> try_next_batch(span<const int32_t> histories, span<const int64_t> offsets,
                              std::size_t k, span<int32_t> items, span<float> scores,
                              span<std::size_t> counts,
                              or_default<s3rec_score_options> options = {}) noexcept {
    const std::size_t users = counts.size();
    if (offsets.size() != users + 1 || offsets.back() < 0 ||
        static_cast<uint64_t>(offsets.back()) > histories.size())
      return detail::refused("offsets: not counts.size() + 1, or beyond the histories");
    if (!holds(items.size(), users, k) || (!scores.empty() && !holds(scores.size(), users, k)))
      return detail::refused("items, scores: no room for k of each user");
    return detail::done(s3rec_score_next_batch(
        get(), histories.data(), offsets.data(), users, options.get(), k, items.data(),
        scores.empty() ? nullptr : scores.data(), counts.data()));
  }

  /** The score of every row of the item table: scores [item_size]. */
  result<void> try_all(span<const int32_t> history, span<float> scores) noexcept {
    return detail::done(
        s3rec_score_all(get(), history.data(), history.size(), scores.data(), scores.size()));
  }
  /** The user vector [hidden_size]. */
  result<void> try_user_vector(span<const int32_t> history, span<float> vector) noexcept {
    return detail::done(
        s3rec_user_vector(get(), history.data(), history.size(), vector.data(), vector.size()));
  }
  /** Encoder output at every position: ids [count, length] with count = ids.size() / length;
   * hidden [count, length, hidden_size]. */
  result<void> try_encode(s3rec_attention attention, span<const int32_t> ids, std::size_t length,
                          span<float> hidden) noexcept {
    if (length == 0 || ids.size() % length != 0)
      return detail::refused("ids: not a multiple of length");
    if (!holds(hidden.size(), ids.size(), hidden_size_))
      return detail::refused("hidden: no room for hidden_size floats of each id");
    return detail::done(s3rec_encode(get(), attention, ids.data(), ids.size() / length, length,
                                     hidden.data()));
  }

  /** Bytes. */
  std::size_t memory() const noexcept { return s3rec_scorer_memory(get()); }
  /** Of the model. */
  std::size_t item_size() const noexcept { return item_size_; }
  std::size_t hidden_size() const noexcept { return hidden_size_; }

#if S3REC_CPP_EXCEPTIONS
  static scorer create(const model &model, or_default<s3rec_scorer_options> options = {}) {
    return try_create(model, options).value();
  }
  std::size_t next(span<const int32_t> history, span<int32_t> items, span<float> scores,
                   or_default<s3rec_score_options> options = {}) {
    return try_next(history, items, scores, options).value();
  }
  recommendations next(span<const int32_t> history, std::size_t k,
                       or_default<s3rec_score_options> options = {}) {
    k = k < item_size_ ? k : item_size_;
    recommendations found{std::vector<int32_t>(k), std::vector<float>(k)};
    const std::size_t count = next(history, found.items, found.scores, options);
    found.items.resize(count);
    found.scores.resize(count);
    return found;
  }
  void next_batch(span<const int32_t> histories, span<const int64_t> offsets, std::size_t k,
                  span<int32_t> items, span<float> scores, span<std::size_t> counts,
                  or_default<s3rec_score_options> options = {}) {
    try_next_batch(histories, offsets, k, items, scores, counts, options).value();
  }
  void all(span<const int32_t> history, span<float> scores) { try_all(history, scores).value(); }
  std::vector<float> all(span<const int32_t> history) {
    std::vector<float> scores(item_size_);
    all(history, scores);
    return scores;
  }
  void user_vector(span<const int32_t> history, span<float> vector) {
    try_user_vector(history, vector).value();
  }
  std::vector<float> user_vector(span<const int32_t> history) {
    std::vector<float> vector(hidden_size_);
    user_vector(history, vector);
    return vector;
  }
  void encode(s3rec_attention attention, span<const int32_t> ids, std::size_t length,
              span<float> hidden) {
    try_encode(attention, ids, length, hidden).value();
  }
#endif

 private:
  scorer(s3rec_scorer *made, const s3rec_model_config &config) noexcept
      : handle(made), item_size_(static_cast<std::size_t>(config.item_size)),
        hidden_size_(static_cast<std::size_t>(config.hidden_size)) {}

  static bool holds(std::size_t size, std::size_t rows, std::size_t columns) noexcept {
    return rows == 0 || columns <= size / rows;
  }

  std::size_t item_size_ = 0, hidden_size_ = 0;
};

/** S3REC_RANK_EXCLUDED of the library that runs. */
inline int64_t rank_excluded() noexcept { return s3rec_rank_excluded(); }

/** Leave-one-out evaluation. `ranks` may be empty, else one for each user of the dataset:
 * zero-based rank of the answer, -1 for a skipped user, S3REC_RANK_EXCLUDED for a miss
 * that the seen policy makes. */
inline result<metrics> try_evaluate(const model &model, const dataset &dataset,
                                    or_default<s3rec_evaluate_options> options = {},
                                    span<int64_t> ranks = {}) noexcept {
  if (!ranks.empty()) {
    const result<dataset_info> info = dataset.try_info();
    if (info && ranks.size() != info->user_count)
      return detail::refused("ranks: not as many as users of the dataset");
  }
  metrics found;
  s3rec_metrics_init(&found);
  const s3rec_status status = s3rec_evaluate(model.get(), dataset.get(), options.get(), &found,
                                             ranks.empty() ? nullptr : ranks.data());
  return detail::done(status, found);
}
#if S3REC_CPP_EXCEPTIONS
inline metrics evaluate(const model &model, const dataset &dataset,
                        or_default<s3rec_evaluate_options> options = {},
                        span<int64_t> ranks = {}) {
  return try_evaluate(model, dataset, options, ranks).value();
}
#endif

}  // namespace s3rec
#endif
