#include "kernels/add.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "hwy/highway.h"

namespace coppice::kernels::add_test {
namespace {

/// Runs every test below once per instruction set that this CPU has.
class AddKernels : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
  }
};

TEST_P(AddKernels, AddToRoundsEachSumOnce) {
  std::mt19937 rng(0);
  std::normal_distribution<float> normal;
  for (const size_t count : {0, 1, 3, 4, 15, 16, 17, 63, 257, 1000}) {
    // One element more, which must stay unchanged.
    std::vector<float> sums(count + 1);
    std::vector<float> values(count + 1);
    for (size_t i = 0; i <= count; ++i) {
      sums[i] = normal(rng);
      values[i] = 1e3f * normal(rng);
    }
    auto expected = sums;
    for (size_t i = 0; i < count; ++i) {
      expected[i] = static_cast<float>(
          static_cast<double>(expected[i]) + static_cast<double>(values[i]));
    }
    add_to(sums.data(), values.data(), count);
    EXPECT_EQ(sums, expected) << count;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Targets,
    AddKernels,
    ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
    [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

} // namespace
} // namespace coppice::kernels::add_test
