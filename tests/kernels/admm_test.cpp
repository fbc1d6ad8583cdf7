#include "kernels/admm.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::admm_test {
namespace {

using testing::Floats;
using testing::random_floats;
using testing::same_bits;

class Admm : public testing::OnEveryTarget {};

TEST_P(Admm, StepsAreThoseOfAPlainLoop) {
  for (size_t count = 1; count < 80; ++count) {
    const auto right = random_floats(count, Floats::kFinite, count);
    auto state = random_floats(count, Floats::kFinite, count + 100);
    std::vector<uint8_t> mask(count);
    std::vector<float> expected_sum, expected_state, expected_squares;
    for (size_t i = 0; i < count; ++i) {
      mask[i] = (5 * i + count) % 3 == 0;
      expected_sum.push_back(right[i] + (mask[i] ? 0.3f : -0.2f) * state[i]);
      expected_state.push_back(mask[i] ? right[i] : right[i] + 0.7f * state[i]);
      expected_squares.push_back(expected_state[i] * expected_state[i]);
    }
    std::vector<float> sum(count), squares(count);
    admm_right_side(
        right.data(),
        state.data(),
        mask.data(),
        0.3f,
        -0.2f,
        count,
        sum.data());
    EXPECT_TRUE(same_bits(sum, expected_sum)) << count;
    admm_update(
        right.data(), mask.data(), 0.7f, count, state.data(), squares.data());
    EXPECT_TRUE(same_bits(state, expected_state)) << count;
    EXPECT_TRUE(same_bits(squares, expected_squares)) << count;
  }
}

COPPICE_TEST_ON_EVERY_TARGET(Admm);

} // namespace
} // namespace coppice::kernels::admm_test
