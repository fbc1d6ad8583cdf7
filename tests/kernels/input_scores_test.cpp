#include "kernels/input_scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::input_scores_test {
namespace {

using testing::Floats;
using testing::random_floats;

class InputScores : public testing::OnEveryTarget {};

TEST_P(InputScores, AreThoseOfAPlainLoop) {
  for (size_t count = 1; count < 80; ++count) {
    const auto weight = random_floats(count, Floats::kTied, count);
    const auto scale = random_floats(count, Floats::kFinite, count + 100);
    for (int i = 0; i < 4; ++i) {
      const InputScore score{i % 2 == 1, i / 2 == 1};
      std::vector<float> found(count);
      EXPECT_TRUE(score_inputs(
          weight.data(), scale.data(), count, score, found.data()));
      for (size_t j = 0; j < count; ++j) {
        float expected = std::fabs(weight[j]) * scale[j];
        expected = score.squared ? expected * expected : expected;
        if (score.zeros_lowest && weight[j] == 0) {
          expected = -1;
        }
        ASSERT_EQ(found[j], expected) << count << ' ' << j;
      }
    }
  }
}

TEST_P(InputScores, SeeEveryWeightThatIsNotFinite) {
  for (size_t i = 0; i < 70; ++i) {
    std::vector<float> weight(70, 1.0f);
    const std::vector<float> scale(70, 0.0f);
    weight[i] = i % 2 ? NAN : -INFINITY;
    std::vector<float> scores(70);
    EXPECT_FALSE(
        score_inputs(weight.data(), scale.data(), 70, {}, scores.data()))
        << i;
  }
}

TEST_P(InputScores, WeightsStayWhereTheMaskKeeps) {
  for (size_t count = 1; count < 80; ++count) {
    const auto weight = random_floats(count, Floats::kTied, count);
    for (const bool drop_zeros : {false, true}) {
      std::vector<uint8_t> mask(count);
      for (size_t i = 0; i < count; ++i) {
        mask[i] = (i * 7 + count) % 3 != 0;
      }
      const auto before = mask;
      std::vector<float> kept(count, 5);
      if (drop_zeros) {
        keep_weights_but_zeros(weight.data(), count, mask.data(), kept.data());
      } else {
        keep_weights(weight.data(), count, mask.data(), kept.data());
      }
      for (size_t i = 0; i < count; ++i) {
        const bool keeps = before[i] && !(drop_zeros && weight[i] == 0);
        ASSERT_EQ(mask[i], keeps) << count << ' ' << i;
        ASSERT_EQ(kept[i], keeps ? weight[i] : 0) << count << ' ' << i;
        ASSERT_FALSE(!keeps && std::signbit(kept[i]));
      }
    }
  }
}

COPPICE_TEST_ON_EVERY_TARGET(InputScores);

} // namespace
} // namespace coppice::kernels::input_scores_test
