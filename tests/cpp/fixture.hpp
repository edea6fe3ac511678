/* SPDX-License-Identifier: Apache-2.0 */
/* A small data set and model, and an allocator that counts and can fail. */
#ifndef S3_TESTS_CPP_FIXTURE_HPP
#define S3_TESTS_CPP_FIXTURE_HPP

#include <array>
#include <atomic>
#include <cstdlib>

#include "check.hpp"

namespace test {

/* Fails at the `failing`-th call from now, 0: never, by an exception or by nullptr. */
class counting_allocator {
 public:
  void *allocate(std::size_t size, std::size_t alignment) {
    if (failing > 0 && --failing == 0) {
#if defined(__cpp_exceptions)
      if (throws) throw std::bad_alloc();
#endif
      return nullptr;
    }
    void *memory = nullptr;
    if (posix_memalign(&memory, alignment, size) != 0) return nullptr;
    calls++;
    live++;
    return memory;
  }
  void deallocate(void *memory, std::size_t) noexcept {
    live--;
    std::free(memory);
  }

  std::atomic<long> live{0}, calls{0}, failing{0};
  bool throws = false;
};

inline constexpr int32_t items = 20;

/* Users of 5 to 8 items; every second item has attributes; 3 negatives a user. */
struct arrays {
  arrays() {
    for (int32_t user = 0; user < 12; user++) {
      for (int32_t i = 0; i < 5 + user % 4; i++) taken.push_back(1 + (user * 7 + i * 3) % items);
      offsets.push_back(static_cast<int64_t>(taken.size()));
      for (int32_t i = 0; i < 3; i++) negatives.push_back(1 + (user + 5 * i) % items);
    }
    for (int32_t item = 2; item <= items; item += 2) {
      attributed.push_back(item);
      attributes.push_back(item % 3);
      attribute_offsets.push_back(static_cast<int64_t>(attributes.size()));
    }
  }

  s3rec::dataset_arrays view() const {
    return s3rec::dataset_arrays(offsets, taken)
        .attributes_of(attributed, attribute_offsets, attributes)
        .negatives_of(3, negatives);
  }

  std::vector<int64_t> offsets{0}, attribute_offsets{0};
  std::vector<int32_t> taken, attributed, attributes, negatives;
};

inline s3rec::result<s3rec::dataset> small_dataset(const s3rec::context &context) {
  return s3rec::dataset::try_from_arrays(context, arrays().view());
}

inline s3rec::model_config small_config(const s3rec::dataset &dataset) {
  s3rec::model_config config(*dataset.try_info());
  config.hidden_size = 8;
  config.num_hidden_layers = 1;
  config.max_seq_length = 10;
  return config;
}

inline s3rec::sampler_options small_sampling(s3rec_stage stage) {
  s3rec::sampler_options options(stage);
  options.max_seq_length = 10;
  return options;
}

}  // namespace test
#endif
