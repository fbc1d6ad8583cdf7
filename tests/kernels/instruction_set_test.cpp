#include "kernels/instruction_set.h"

#include <gtest/gtest.h>

#include "support/targets.h"

namespace coppice::kernels::instruction_set_test {
namespace {

TEST(InstructionSet, IsTheBestOfThoseThatThereAre) {
  const auto all = instruction_sets();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(instruction_set(), all.front());
  size_t i = 0;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    EXPECT_EQ(all.at(i++), hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    EXPECT_EQ(instruction_set(), hwy::TargetName(target));
    EXPECT_EQ(has_fast_path(), (target & (HWY_EMU128 | HWY_SCALAR)) == 0);
  }
  hwy::SetSupportedTargetsForTest(0);
}

} // namespace
} // namespace coppice::kernels::instruction_set_test
