#include "kernels/penalty.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::penalty_test {
namespace {

using testing::Floats;
using testing::random_floats;
using testing::same_bits;

class Penalty : public testing::OnEveryTarget {};

TEST_P(Penalty, StepsAreThoseOfAPlainLoop) {
  for (size_t count = 1; count < 80; ++count) {
    const auto right = random_floats(count, Floats::kFinite, count);
    auto wanted = random_floats(count, Floats::kFinite, count + 100);
    std::vector<uint8_t> mask(count);
    std::vector<float> expected_sum, expected_wanted, expected_squares;
    for (size_t i = 0; i < count; ++i) {
      mask[i] = (5 * i + count) % 3 == 0;
      expected_sum.push_back(right[i] + (mask[i] ? 0.3f : -0.2f) * wanted[i]);
      expected_wanted.push_back(
          mask[i] ? right[i] : right[i] + 0.7f * wanted[i]);
      expected_squares.push_back(expected_wanted[i] * expected_wanted[i]);
    }
    std::vector<float> sum(count), squares(count);
    add_wanted(
        right.data(),
        wanted.data(),
        mask.data(),
        0.3f,
        -0.2f,
        count,
        sum.data());
    EXPECT_TRUE(same_bits(sum, expected_sum)) << count;
    want(right.data(), mask.data(), 0.7f, count, wanted.data(), squares.data());
    EXPECT_TRUE(same_bits(wanted, expected_wanted)) << count;
    EXPECT_TRUE(same_bits(squares, expected_squares)) << count;
  }
}

COPPICE_TEST_ON_EVERY_TARGET(Penalty);

} // namespace
} // namespace coppice::kernels::penalty_test
