#include "kernels/masked_parameter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "hwy/highway.h"

namespace coppice::kernels::masked_parameter_test {
namespace {

/// Runs every test below once per instruction set that this CPU has.
class MaskedParameterKernels : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
  }

  std::vector<uint8_t> random_mask(size_t count) {
    std::vector<uint8_t> mask(count);
    for (auto& keep : mask) {
      keep = rng() % 3 != 0;
    }
    return mask;
  }

  std::vector<float> random_values(size_t count) {
    std::vector<float> values(count);
    for (auto& value : values) {
      value = 1.0f + static_cast<float>(rng() % 100);
    }
    return values;
  }

  std::mt19937 rng{0};
};

const size_t kCounts[] = {0, 1, 3, 4, 15, 16, 17, 63, 64, 255, 256, 257, 1000};

TEST_P(MaskedParameterKernels, MaskGradientSelects) {
  for (const size_t count : kCounts) {
    const auto mask = random_mask(count);
    auto gradient = random_values(count);
    auto expected = gradient;
    for (size_t i = 0; i < count; ++i) {
      if (mask[i] == 0) {
        gradient[i] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN()
                                 : std::numeric_limits<float>::infinity();
        expected[i] = 0;
      }
    }
    mask_gradient(gradient.data(), mask.data(), count);
    EXPECT_EQ(gradient, expected) << count;
  }
}

TEST_P(MaskedParameterKernels, AbsorbMovesWhatWasWrittenToDroppedEntries) {
  for (const size_t count : kCounts) {
    const auto mask = random_mask(count);
    auto parameter = random_values(count);
    auto dropped = std::vector<float>(count, -1);
    auto expected_parameter = parameter;
    auto expected_dropped = dropped;
    bool any = false;
    for (size_t i = 0; i < count; ++i) {
      if (mask[i] == 0 && i % 2 == 0) {
        parameter[i] = expected_parameter[i] = -0.0f;
      } else if (mask[i] == 0) {
        expected_dropped[i] = parameter[i];
        expected_parameter[i] = 0;
        any = true;
      }
    }
    EXPECT_EQ(
        absorb_writes(parameter.data(), dropped.data(), mask.data(), count),
        any);
    EXPECT_EQ(parameter, expected_parameter) << count;
    EXPECT_EQ(dropped, expected_dropped) << count;
    EXPECT_FALSE(
        absorb_writes(parameter.data(), dropped.data(), mask.data(), count));
  }
}

TEST_P(MaskedParameterKernels, AbsorbTreatsNanAsAWrittenValue) {
  constexpr size_t kCount = 300;
  const std::vector<uint8_t> mask(kCount, 0);
  for (size_t i = 0; i < kCount; ++i) {
    std::vector<float> parameter(kCount, 0);
    std::vector<float> dropped(kCount, 0);
    parameter[i] = std::nanf("");
    EXPECT_TRUE(
        absorb_writes(parameter.data(), dropped.data(), mask.data(), kCount))
        << i;
    EXPECT_EQ(parameter[i], 0) << i;
    EXPECT_TRUE(std::isnan(dropped[i])) << i;
  }
}

TEST_P(MaskedParameterKernels, ChangeMaskMovesValuesBothWays) {
  for (const size_t count : kCounts) {
    const auto whole = random_values(count);
    std::vector<uint8_t> before(count, 1);
    auto parameter = whole;
    std::vector<float> dropped(count, 0);
    for (int step = 0; step < 3; ++step) {
      const auto after = random_mask(count);
      EXPECT_EQ(
          change_mask(
              parameter.data(),
              dropped.data(),
              before.data(),
              after.data(),
              count),
          before != after);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(parameter[i], after[i] != 0 ? whole[i] : 0);
        ASSERT_EQ(dropped[i], after[i] != 0 ? 0 : whole[i]);
      }
      before = after;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Targets,
    MaskedParameterKernels,
    ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
    [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

} // namespace
} // namespace coppice::kernels::masked_parameter_test
