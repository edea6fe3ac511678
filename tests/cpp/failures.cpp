/* SPDX-License-Identifier: Apache-2.0 */
/* Failures as values, and views: with and without exceptions in the compiler. */
#include <array>
#include <deque>
#include <filesystem>
#include <fstream>

#include "fixture.hpp"

namespace test {
namespace {

template <class From, class To>
constexpr bool views = std::is_convertible_v<From, s3rec::span<To>>;

/* The same with the class of C++17 and with std::span. */
static_assert(views<std::vector<int> &, int> && views<std::vector<int> &, const int>);
static_assert(views<const std::vector<int> &, const int> && views<std::vector<int>, const int>);
static_assert(views<std::array<int, 3> &, int> && views<int (&)[3], const int>);
static_assert(views<s3rec::span<int>, const int> && !views<s3rec::span<const int>, int>);
static_assert(!views<const std::vector<int> &, int> && !views<std::vector<int>, int>);
static_assert(!views<std::vector<long> &, int> && !views<std::deque<int> &, int>);
static_assert(!views<std::vector<bool> &, bool> && !views<const int (&)[3], int>);
static_assert(std::is_trivially_copyable_v<s3rec::span<int>>);
static_assert(sizeof(s3rec::span<int>) == 2 * sizeof(void *));

void spans() {
  std::vector<int> values{1, 2, 3, 4};
  const s3rec::span<int> all = values;
  CHECK(all.size() == 4 && all.data() == values.data() && !all.empty());
  CHECK(all.front() == 1 && all.back() == 4 && all[2] == 3);
  CHECK(all.first(2).back() == 2 && all.last(1)[0] == 4);
  CHECK(all.subspan(1).size() == 3 && all.subspan(1, 2).back() == 3);
  int sum = 0;
  for (const int value : s3rec::span<const int>(all)) sum += value;
  CHECK(sum == 10 && s3rec::span<int>().empty());
}

void results() {
  s3rec::result<int> good = 7;
  CHECK(good && good.has_value() && *good == 7 && good.status() == s3rec::status::ok);
  CHECK(*good.error().detail() == '\0');
  s3rec::result<int> bad = s3rec::failure(s3rec::status::io, "gone");
  CHECK(!bad && std::move(bad).value_or(3) == 3);
  CHECK_FAILURE(bad, s3rec::status::io, "gone");
  CHECK(std::strcmp(bad.error().status_name(), "S3REC_ERROR_IO") == 0);
  const s3rec::failure moved = std::move(bad).error();
  CHECK(std::strcmp(moved.detail(), "gone") == 0);
  const s3rec::result<void> nothing;
  CHECK(nothing && nothing.status() == s3rec::status::ok);
}

/* What a failure says stays its own when other calls fail. */
void details(const s3rec::context &context) {
  const auto first = s3rec::model::try_load(context, "first-missing-file");
  const auto second = s3rec::model::try_load(context, std::string("second-missing-file"));
  CHECK(!first && !second);
  CHECK_FAILURE(first, s3rec::status::io, "first-missing-file");
  CHECK_FAILURE(second, s3rec::status::io, "second-missing-file");
}

/* A handle without anything in it is an argument that is refused, not a crash. */
void empty_handles(const s3rec::context &context) {
  s3rec::model model;
  s3rec::batch batch;
  s3rec::scorer scorer;
  int32_t ids[2];
  float scores[2];
  CHECK_FAILURE(model.try_save("x"), s3rec::status::argument, "");
  CHECK_FAILURE(model.try_config(), s3rec::status::argument, "");
  CHECK_FAILURE(s3rec::trainer::try_create(model), s3rec::status::argument, "");
  CHECK_FAILURE(s3rec::scorer::try_create(model), s3rec::status::argument, "");
  CHECK_FAILURE(scorer.try_next(ids, ids, scores), s3rec::status::argument, "");
  CHECK_FAILURE(s3rec::batch::try_create(s3rec::context()), s3rec::status::argument, "");
  CHECK_FAILURE(batch.try_info(), s3rec::status::argument, "");
  CHECK_FAILURE(s3rec::dataset().try_user_items(0), s3rec::status::argument, "");
  CHECK_FAILURE(s3rec::run().try_step(), s3rec::status::argument, "");
  CHECK_FAILURE(s3rec::events().try_dataset(), s3rec::status::argument, "");
  CHECK(s3rec::vocabulary().size() == 0 && !s3rec::vocabulary().find("x"));
  CHECK(context && !model);
}

/* Sizes that the C interface cannot see. */
void short_views(const s3rec::context &context) {
  const auto dataset = small_dataset(context);
  const auto model = s3rec::model::try_create_for(*dataset, small_config(*dataset), 1);
  auto scorer = s3rec::scorer::try_create(*model);
  CHECK(dataset && model && scorer);
  const int32_t history[] = {1, 2, 3};
  int32_t ids[4];
  float scores[3];
  std::size_t counts[2];
  const int64_t offsets[] = {0, 1, 3}, beyond[] = {0, 1, 4};
  CHECK_FAILURE(scorer->try_next(history, ids, scores), s3rec::status::argument, "scores");
  CHECK(scorer->try_next(history, ids, {}));
  CHECK_FAILURE(scorer->try_next_batch(history, beyond, 2, ids, {}, counts),
                s3rec::status::argument, "offsets");
  CHECK_FAILURE(scorer->try_next_batch(history, offsets, 3, ids, {}, counts),
                s3rec::status::argument, "items");
  CHECK_FAILURE(scorer->try_next_batch(history, offsets, SIZE_MAX / 2 + 2, ids, {}, counts),
                s3rec::status::argument, "items");
  CHECK(scorer->try_next_batch(history, offsets, 2, ids, {}, counts));
  CHECK_FAILURE(scorer->try_encode(s3rec::attention::causal, history, 2, scores),
                s3rec::status::argument, "length");
  CHECK_FAILURE(scorer->try_encode(s3rec::attention::causal, history, 3, scores),
                s3rec::status::argument, "hidden");
  int64_t ranks[5];
  CHECK_FAILURE(s3rec::try_evaluate(*model, *dataset, {}, ranks), s3rec::status::argument,
                "ranks");

  auto batch = s3rec::batch::try_create(context);
  CHECK_FAILURE(batch->try_set_finetune(2, 2, history, history), s3rec::status::argument,
                "batch_size");
  const arrays content;
  const s3rec::dataset_arrays shorter(content.offsets,
                                      s3rec::span<const int32_t>(content.taken).first(9));
  CHECK_FAILURE(s3rec::dataset::try_from_arrays(context, shorter), s3rec::status::argument,
                "offsets");
  const s3rec::text_view outside("ab", offsets);
  CHECK_FAILURE(s3rec::vocabulary::try_create(context, s3rec::names::text, 0, outside),
                s3rec::status::argument, "offsets");
}

/* What a file of unknown origin may make the library allocate. */
void file_limits(const s3rec::context &context) {
  std::ofstream("wide.txt") << "1 2 3 103000\n2 3 4 5\n";
  CHECK(s3rec::dataset::try_load(context, "wide.txt"));
  const s3rec::limits strict = s3rec::limits::strict();
  CHECK(strict.items == 1 << 20 && s3rec::limits().items > strict.items);
  s3rec::context_options options;
  const auto careful = s3rec::context::try_create(options.limit_files(strict));
  CHECK(careful);
  CHECK_FAILURE(s3rec::dataset::try_load(*careful, "wide.txt"), s3rec::status::limit, "wide.txt");
  std::filesystem::remove("wide.txt");
  s3rec::limits wrong;
  wrong.json_depth = 513;
  CHECK_FAILURE(s3rec::context::try_create(options.limit_files(wrong)), s3rec::status::argument,
                "json_depth");
}

}  // namespace

void failures() {
  spans();
  results();
  const auto context = s3rec::context::try_create();
  CHECK(context);
  if (!context) return;
  details(*context);
  empty_handles(*context);
  short_views(*context);
  file_limits(*context);
}

}  // namespace test
