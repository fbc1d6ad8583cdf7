#include "coppice/masks/select.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>

#include "support/golden.h"

namespace coppice::select_test {
namespace {

using testing::bits_of;

// docs/reference.md 2.2: half to even, and one block survives below level 1.
TEST(BlocksToDrop, RoundsHalfToEven) {
  EXPECT_EQ(blocks_to_drop(0.5, 1), 0);
  EXPECT_EQ(blocks_to_drop(0.5, 3), 2);
  EXPECT_EQ(blocks_to_drop(0.5, 5), 2);
  EXPECT_EQ(blocks_to_drop(0.5, 7), 4);
  EXPECT_EQ(blocks_to_drop(0.25, 2), 0);
}

TEST(BlocksToDrop, LeavesOneBlockBelowLevelOne) {
  EXPECT_EQ(blocks_to_drop(0.999, 12), 11);
  EXPECT_EQ(blocks_to_drop(0.999, 1), 0);
  EXPECT_EQ(blocks_to_drop(1.0, 12), 12);
}

TEST(BlocksToDrop, ClampsTheLevel) {
  EXPECT_EQ(blocks_to_drop(-1, 12), 0);
  EXPECT_EQ(blocks_to_drop(-INFINITY, 12), 0);
  EXPECT_EQ(blocks_to_drop(5, 12), 12);
  EXPECT_EQ(blocks_to_drop(0.5, 0), 0);
  EXPECT_THROW(blocks_to_drop(NAN, 12), c10::ValueError);
}

TEST(DropLowestMask, DropsExactlyTheLowest) {
  const auto scores = torch::tensor({3.f, -1.f, 2.f, 0.f});
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 0)), "1111");
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 1)), "1011");
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 3)), "1000");
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 4)), "0000");
}

TEST(DropLowestMask, DropsTheLowerIndexOnATie) {
  const auto scores = torch::tensor({1.f, 0.f, 1.f, -0.f, 1.f});
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 1)), "10111");
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 3)), "00101");
}

TEST(DropLowestMask, DropsNanLast) {
  const auto scores = torch::tensor({NAN, INFINITY, NAN, -INFINITY});
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 2)), "1010");
  EXPECT_EQ(bits_of(drop_lowest_mask(scores, 3)), "0010");
}

TEST(DropLowestMask, RejectsACountBeyondTheScores) {
  EXPECT_THROW(drop_lowest_mask(torch::ones({3}), 4), c10::ValueError);
  EXPECT_THROW(drop_lowest_mask(torch::ones({3}), -1), c10::ValueError);
  EXPECT_THROW(
      drop_lowest_mask(torch::ones({3}, torch::kInt), 1), c10::ValueError);
}

TEST(DropLowestMask, TakesNoScores) {
  EXPECT_EQ(drop_lowest_mask(torch::ones({0, 3}), 0).numel(), 0);
}

TEST(DropLowestMasks, SharesOneThreshold) {
  const auto masks = drop_lowest_masks(
      {torch::tensor({{1.f, 4.f}, {2.f, 8.f}}), torch::tensor({3.f, 9.f})},
      0.5);
  ASSERT_EQ(masks.size(), 2);
  EXPECT_EQ(bits_of(masks[0]), "0101");
  EXPECT_EQ(masks[0].sizes(), torch::IntArrayRef({2, 2}));
  EXPECT_EQ(bits_of(masks[1]), "01");
}

TEST(DropLowestMasks, DropsTheEarlierTensorOnATie) {
  const auto masks =
      drop_lowest_masks({torch::ones({2}), torch::ones({2})}, 0.75);
  EXPECT_EQ(bits_of(masks[0]) + bits_of(masks[1]), "0001");
}

TEST(DropLowestMasks, RejectsTensorsThatDiffer) {
  EXPECT_THROW(
      drop_lowest_masks({torch::ones({2}), torch::ones({2}, torch::kHalf)}, 1),
      c10::ValueError);
  EXPECT_TRUE(drop_lowest_masks({}, 0.5).empty());
}

} // namespace
} // namespace coppice::select_test
