/* SPDX-License-Identifier: Apache-2.0 */
/* Names, events and attribute tables. */
#include <filesystem>
#include <fstream>

#include "fixture.hpp"

namespace test {
namespace {

void vocabularies(const s3rec::context &context) {
  const std::vector<std::string> words{"tea", "coffee", "milk"};
  const s3rec::text_column column(words);
  const auto names = s3rec::vocabulary::create(context, s3rec::names::text, 1, column);
  CHECK(names.size() == 3 && names.first_id() == 1 && names.kind() == s3rec::names::text);
  CHECK(names.name(2) == "coffee" && names.find("milk") == 3 && !names.find("wine"));
  CHECK_THROWS(names.name(4), s3rec::status::not_found, "4");
  s3rec::text_column asked;
  asked.add("milk");
  asked.add("wine");
  CHECK(names.find_many(asked) == std::vector<int32_t>{3, -1});
  const s3rec::text_view all = names.text();
  CHECK(all.size() == 3 && all.text.substr(0, 4) == std::string_view("tea\0", 4));
  s3rec::text_column repeated(std::vector<std::string_view>{"a", "a"});
  CHECK_THROWS(s3rec::vocabulary::create(context, s3rec::names::text, 0, repeated),
               s3rec::status::format, "1");
}

void tables(const s3rec::context &context) {
  auto events = s3rec::events::create(context);
  std::ofstream("events.csv") << "user,item,timestamp\nann,tea,3\nann,milk,1\nbob,tea,broken\n";
  CHECK_THROWS(events.read("events.csv"), s3rec::status::format, "events.csv:4");
  s3rec::table_options options;
  options.bad_row_limit = 1;
  const s3rec::table_report report = events.read("events.csv", options);
  CHECK(report.row_count == 2 && report.bad_row_count == 1 && report.first_bad_line == 4);
  std::ofstream("items.csv") << "item,genre\ntea,hot|wet\n";
  CHECK(events.read_attributes("items.csv").row_count == 1);
  s3rec::events_report became;
  const auto dataset = events.dataset({}, &became);
  CHECK(became.kept_count == 2 && dataset.user_names().name(0) == "ann");
  CHECK(dataset.attribute_names().find("genre=wet").has_value());
  CHECK(dataset.item_names().name(dataset.user_items(0)[0]) == "milk");
  std::filesystem::remove("events.csv");
  std::filesystem::remove("items.csv");

  const std::vector<int64_t> users{7, 7}, taken{100, -5}, short_column{1};
  CHECK_THROWS(events.append(users, taken, users), s3rec::status::mismatch, "");
  auto numbers = s3rec::events::create(context);
  CHECK_THROWS(numbers.append(users, short_column), s3rec::status::argument, "lengths");
  numbers.append(users, taken);
  CHECK(numbers.dataset().item_names().kind() == s3rec::names::integer);

  auto later = s3rec::events::create(context);
  const std::vector<std::string> who{"cat", "cat"}, what{"tea", "cake"};
  later.append(s3rec::text_column(who), s3rec::text_column(what));
  const auto names = dataset.item_names();
  s3rec::events_options known;
  known.with_names(names);
  const auto same_ids = later.dataset(known, &became);
  CHECK(became.unknown_count == 1 && same_ids.user_items(0).size() == 1);
  CHECK(same_ids.user_items(0)[0] == *names.find("tea"));
}

}  // namespace

void naming() {
  const auto context = s3rec::context::create();
  vocabularies(context);
  tables(context);
}

}  // namespace test
