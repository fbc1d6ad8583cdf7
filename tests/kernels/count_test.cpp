#include "kernels/count.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::count_test {
namespace {

class Count : public testing::OnEveryTarget {};

TEST_P(Count, MatchesAPlainLoopAtEveryLengthAndAlignment) {
  const auto values = testing::random_floats(200, testing::Floats::kSpecial, 0);
  for (size_t offset = 0; offset < 16; ++offset) {
    for (size_t count = 0; count + offset <= values.size(); ++count) {
      const float* begin = values.data() + offset;
      ASSERT_EQ(
          count_zeros(begin, count), std::count(begin, begin + count, 0.0f));
      ASSERT_EQ(
          all_finite(begin, count),
          std::all_of(
              begin, begin + count, [](float v) { return std::isfinite(v); }));
    }
  }
}

TEST_P(Count, SeesOneValueThatIsNotFinite) {
  for (size_t i = 0; i < 100; ++i) {
    std::vector<float> values(100, 1e38f);
    EXPECT_TRUE(all_finite(values.data(), values.size()));
    values[i] = i % 2 ? -INFINITY : NAN;
    EXPECT_FALSE(all_finite(values.data(), values.size()));
  }
}

COPPICE_TEST_ON_EVERY_TARGET(Count);

} // namespace
} // namespace coppice::kernels::count_test
