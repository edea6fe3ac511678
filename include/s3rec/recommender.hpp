/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * C++: the front door, serving. */
#ifndef S3REC_RECOMMENDER_HPP
#define S3REC_RECOMMENDER_HPP

#include <vector>

#include "s3rec/recommender.h"
#include "s3rec/scorer.hpp"

namespace s3rec {

/** What an answer rests on, of type s3rec_answer_source. */
namespace answer_source {
inline constexpr s3rec_answer_source none = S3REC_ANSWER_NONE;
inline constexpr s3rec_answer_source model = S3REC_ANSWER_MODEL;
inline constexpr s3rec_answer_source popular = S3REC_ANSWER_POPULAR;
}  // namespace answer_source

/** s3rec_recommender_options with its defaults; a context is borrowed for the call. */
struct recommender_options : s3rec_recommender_options {
  recommender_options() noexcept { s3rec_recommender_options_init(this); }
  recommender_options &with(const s3rec::context &of) noexcept {
    context = of.get();
    return *this;
  }
};

/** s3rec_filter_options with its defaults; views are borrowed for the call. */
struct filter_options : s3rec_filter_options {
  filter_options() noexcept { s3rec_filter_options_init(this); }

  /** Allows only these items; those of both calls where both are made. */
  filter_options &allow(span<const int32_t> items) noexcept {
    allow_only = 1;
    allowed = items.data();
    allowed_count = items.size();
    return *this;
  }
  filter_options &allow(span<const char *const> names) noexcept {
    allow_only = 1;
    allowed_names = names.data();
    allowed_name_count = names.size();
    return *this;
  }
  /** Leaves these out. */
  filter_options &deny(span<const int32_t> items) noexcept {
    denied = items.data();
    denied_count = items.size();
    return *this;
  }
  filter_options &deny(span<const char *const> names) noexcept {
    denied_names = names.data();
    denied_name_count = names.size();
    return *this;
  }
};

/** s3rec_filter: what may be recommended. Any number of threads. */
class filter : public handle<s3rec_filter, s3rec_filter_destroy> {
 public:
  using handle::handle;
};

/** s3rec_request with its defaults; views are borrowed for the call. */
struct request : s3rec_request {
  request() noexcept { s3rec_request_init(this); }
  /** About one user. */
  explicit request(span<const int32_t> history) noexcept : request() { of(history); }
  explicit request(span<const char *const> history) noexcept : request() { of(history); }

  request &of(span<const int32_t> entries) noexcept {
    items = entries.data();
    item_count = entries.size();
    return *this;
  }
  request &of(span<const char *const> entries) noexcept {
    names = entries.data();
    item_count = entries.size();
    return *this;
  }
  /** About many users: bounds [users + 1]. */
  request &users(span<const int64_t> bounds) noexcept {
    offsets = bounds.data();
    user_count = bounds.empty() ? 0 : bounds.size() - 1;
    return *this;
  }
  request &best(std::size_t count) noexcept {
    k = count;
    return *this;
  }
  request &through(const s3rec::filter &of_all) noexcept {
    filter = of_all.get();
    return *this;
  }
};

/** The answer for one user; views are borrowed from the answer. */
struct ranked_items {
  s3rec_answer_source source = S3REC_ANSWER_NONE;
  span<const int32_t> ids;
  span<const float> scores;
  span<const char *const> names; /**< empty where the model has none */
  std::size_t unknown_count = 0;
  uint64_t model_number = 0;

  std::size_t count() const noexcept { return ids.size(); }
};

/** The answers for all users: arrays [users, width], borrowed from the answer. */
struct answer_rows {
  const int32_t *ids = nullptr;
  const float *scores = nullptr;
  std::size_t width = 0;
};

/** s3rec_answer: read by any number of threads. */
class answer : public handle<s3rec_answer, s3rec_answer_destroy> {
 public:
  using handle::handle;

  result<ranked_items> try_get(std::size_t user = 0) const noexcept {
    s3rec_ranked_items found;
    s3rec_ranked_items_init(&found);
    const s3rec_status status = s3rec_answer_get(get(), user, &found);
    if (status != S3REC_OK) return failure(status);
    ranked_items items;
    items.source = found.source;
    items.ids = {found.ids, found.count};
    items.scores = {found.scores, found.count};
    if (found.names != nullptr) items.names = {found.names, found.count};
    items.unknown_count = found.unknown_count;
    items.model_number = found.model_number;
    return items;
  }
  result<answer_rows> try_rows() const noexcept {
    answer_rows found;
    const s3rec_status status = s3rec_answer_rows(get(), &found.ids, &found.scores, &found.width);
    return detail::done(status, found);
  }
#if S3REC_CPP_EXCEPTIONS
  answer_rows rows() const { return try_rows().value(); }
  ranked_items operator[](std::size_t user) const { return try_get(user).value(); }
#endif
};

/** s3rec_exchange_options with its defaults; a dataset is borrowed for the call. */
struct exchange_options : s3rec_exchange_options {
  exchange_options() noexcept { s3rec_exchange_options_init(this); }
  exchange_options &measured_on(const s3rec::dataset &of) noexcept {
    dataset = of.get();
    return *this;
  }
};

/** s3rec_recommender_statistics. */
struct statistics : s3rec_recommender_statistics {
  statistics() noexcept { s3rec_recommender_statistics_init(this); }
  /** The time in seconds that a share of the calls stayed below. */
  double latency_of(double share) const noexcept { return s3rec_recommender_latency(this, share); }
};

/** s3rec_recommender: a model that serves any number of threads and is exchanged meanwhile. All
 * calls may be made by any number of threads at once; only its destruction must be the last. */
class recommender : public handle<s3rec_recommender, s3rec_recommender_destroy> {
 public:
  using handle::handle;

  static result<recommender> try_open(
      c_string path, or_default<s3rec_recommender_options> options = {}) noexcept {
    return detail::make<recommender>(s3rec_recommender_open, path.get(), options.get());
  }
  static result<recommender> try_create(
      const s3rec::model &model, or_default<s3rec_recommender_options> options = {}) noexcept {
    return detail::make<recommender>(s3rec_recommender_create, model.get(), options.get());
  }

  /** The model that serves now. */
  result<s3rec::model> try_model() const noexcept {
    return detail::make<s3rec::model>(s3rec_recommender_model, get());
  }
  result<s3rec::filter> try_filter(const s3rec_filter_options &options) const noexcept {
    return detail::make<s3rec::filter>(s3rec_filter_create, get(), &options);
  }

  /** The best next items, as many as `items` has room for; returns how many there are. `scores`
   * may be empty: not wanted. */
  result<std::size_t> try_recommend(span<const int32_t> history, span<int32_t> items,
                                    span<float> scores = {},
                                    const s3rec::filter &filter = {}) const noexcept {
    if (!scores.empty() && scores.size() < items.size())
      return detail::refused("scores: shorter than items");
    std::size_t count = 0;
    const s3rec_status status =
        s3rec_recommend(get(), history.data(), history.size(), filter.get(), items.size(),
                        items.data(), scores.empty() ? nullptr : scores.data(), &count);
    return detail::done(status, count);
  }
  result<answer> try_recommend(const s3rec_request &request) const noexcept {
    return detail::make<answer>(s3rec_recommend_request, get(), &request);
  }
  /** The items most similar to those of the request. */
  result<answer> try_similar(const s3rec_request &request) const noexcept {
    return detail::make<answer>(s3rec_similar, get(), &request);
  }

  /** Lets the model of a file, or one in memory, serve from now on, if it passes the checks. */
  result<void> try_exchange(c_string path,
                            or_default<s3rec_exchange_options> options = {}) const noexcept {
    return detail::done(s3rec_recommender_exchange(get(), path.get(), options.get()));
  }
  result<void> try_exchange(const s3rec::model &model,
                            or_default<s3rec_exchange_options> options = {}) const noexcept {
    return detail::done(s3rec_recommender_exchange_model(get(), model.get(), options.get()));
  }

  result<s3rec::statistics> try_statistics() const noexcept {
    s3rec::statistics counted;
    const s3rec_status status = s3rec_recommender_statistics_get(get(), &counted);
    return detail::done(status, counted);
  }

#if S3REC_CPP_EXCEPTIONS
  static recommender open(c_string path, or_default<s3rec_recommender_options> options = {}) {
    return try_open(path, options).value();
  }
  static recommender create(const s3rec::model &model,
                            or_default<s3rec_recommender_options> options = {}) {
    return try_create(model, options).value();
  }
  s3rec::model model() const { return try_model().value(); }
  s3rec::filter filter(const s3rec_filter_options &options) const {
    return try_filter(options).value();
  }
  std::size_t recommend(span<const int32_t> history, span<int32_t> items,
                        span<float> scores = {}, const s3rec::filter &filter = {}) const {
    return try_recommend(history, items, scores, filter).value();
  }
  recommendations recommend(span<const int32_t> history, std::size_t k,
                            const s3rec::filter &filter = {}) const {
    recommendations found{std::vector<int32_t>(k), std::vector<float>(k)};
    const std::size_t count = recommend(history, found.items, found.scores, filter);
    found.items.resize(count);
    found.scores.resize(count);
    return found;
  }
  answer recommend(const s3rec_request &request) const { return try_recommend(request).value(); }
  answer similar(const s3rec_request &request) const { return try_similar(request).value(); }
  void exchange(c_string path, or_default<s3rec_exchange_options> options = {}) const {
    try_exchange(path, options).value();
  }
  void exchange(const s3rec::model &model,
                or_default<s3rec_exchange_options> options = {}) const {
    try_exchange(model, options).value();
  }
  s3rec::statistics statistics() const { return try_statistics().value(); }
#endif
};

}  // namespace s3rec
#endif
