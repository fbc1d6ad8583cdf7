#include "kernels/range.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/buffer.h"

namespace coppice::kernels::range_test {
namespace {

TEST(RangeTest, PartsTileTheRows) {
  std::mt19937 random(0);
  for (const size_t count : {0, 1, 2, 7, 100}) {
    std::vector<uint64_t> begins{5};
    for (size_t r = 0; r < count; ++r) {
      begins.push_back(begins.back() + random() % 1000);
    }
    for (const size_t parts : {1, 2, 3, 64}) {
      size_t balanced = 0;
      size_t even = 0;
      for (size_t part = 0; part < parts; ++part) {
        const Range b = balanced_range(begins.data(), count, part, parts);
        const Range e = even_range(count, part, parts);
        EXPECT_EQ(b.begin, balanced);
        EXPECT_EQ(e.begin, even);
        EXPECT_LE(b.begin, b.end);
        EXPECT_LE(e.begin, e.end);
        balanced = b.end;
        even = e.end;
      }
      EXPECT_EQ(balanced, count);
      EXPECT_EQ(even, count);
    }
  }
}

TEST(RangeTest, PartsHoldAboutEquallyManyWeights) {
  // All weights in the last tenth of the rows.
  std::vector<uint64_t> begins{0};
  for (size_t r = 0; r < 1000; ++r) {
    begins.push_back(begins.back() + (r < 900 ? 0 : 10000));
  }
  for (size_t part = 0; part < 4; ++part) {
    const Range range = balanced_range(begins.data(), 1000, part, 4);
    const double weights = begins[range.end] - begins[range.begin];
    EXPECT_NEAR(weights, 250000, 10000);
  }
}

TEST(BufferTest, BeginsACacheLine) {
  for (const size_t count : {1, 100, 1 << 20}) {
    Buffer<float> buffer(count, 1.0f);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
    buffer.resize(3 * count, 2.0f);
    EXPECT_EQ(buffer.front(), 1.0f);
    EXPECT_EQ(buffer.back(), 2.0f);
  }
}

} // namespace
} // namespace coppice::kernels::range_test
