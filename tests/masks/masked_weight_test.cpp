// A renewed mask is the mask of the effective weight, whatever was written to
// the weight and whatever the current mask is.
#include "masks/masked_weight.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <vector>

namespace coppice::masked_weight_test {
namespace {

using masks::MaskedWeight;
using masks::renewed_mask;

constexpr WeightNormPattern kTwoOfFour{1.0, {1, 4}, 2};

std::vector<WeightNormPattern> patterns() {
  return {
      {0.7, {1, 1}, 1},
      {0.7, {1, 4}, 4},
      {0.7, {16, 1}, 16},
      {0.5, {4, 4}, 3},
      kTwoOfFour,
      {0.0, {1, 4}, 4},
      {1.0, {1, 4}, 4}};
}

/// Several pieces of the fast path, one partial; rows that blocks of four
/// divide, or do not.
torch::Tensor large_weight(int64_t cols = 1024) {
  torch::manual_seed(1);
  return torch::randn({130, cols});
}

/// `whole` under `mask`, without later writes.
MaskedWeight masked(const torch::Tensor& whole, const torch::Tensor& mask) {
  return {
      whole.masked_fill(~mask, 0),
      whole.masked_fill(mask, 0),
      mask.clone(),
      {}};
}

// Every dropped entry would score highest before its write is absorbed.
TEST(RenewedMask, AbsorbsWritesBeforeItScores) {
  for (const auto& pattern : patterns()) {
    for (const int64_t cols : {1024, 1025}) {
      SCOPED_TRACE(
          ::testing::Message() << pattern.sparsity_level << ' ' << cols);
      const auto whole = large_weight(cols);
      const auto mask = torch::rand(whole.sizes()).gt(0.3);
      const auto at = masked(whole, mask);
      at.weight.masked_fill_(~mask, 1e9);
      const auto renewed = renewed_mask(at, pattern, Norm::L2);
      const auto effective = whole.masked_fill(~mask, 0);
      EXPECT_TRUE(at.weight.equal(effective));
      EXPECT_TRUE(
          at.dropped.equal(torch::full_like(whole, 1e9).masked_fill(mask, 0)));
      EXPECT_TRUE(renewed.equal(weight_norm_mask(effective, pattern)));
    }
  }
}

TEST(RenewedMask, TakesTheMemoryOfAMaskThatIsNoLongerNeeded) {
  const auto weight = large_weight();
  const auto all = torch::ones_like(weight, torch::kBool);
  for (const WeightNormPattern& pattern :
       {WeightNormPattern{0.7, {1, 1}, 1},
        WeightNormPattern{0.7, {1, 4}, 4},
        kTwoOfFour}) {
    const auto right = weight_norm_mask(weight, pattern);
    const auto spare = torch::ones_like(all);
    const auto mask = renewed_mask({weight, {}, all, spare}, pattern, Norm::L2);
    EXPECT_EQ(mask.data_ptr(), spare.data_ptr());
    EXPECT_TRUE(mask.equal(right));
    for (const auto& unfit :
         {torch::ones({3}, torch::kBool), torch::ones_like(weight)}) {
      EXPECT_TRUE(renewed_mask({weight, {}, all, unfit}, pattern, Norm::L2)
                      .equal(right));
    }
  }
}

TEST(RenewedMask, IsTheOneInForceUntilTheWeightChanges) {
  const auto whole = large_weight();
  const auto at = masked(whole, weight_norm_mask(whole, kTwoOfFour));
  EXPECT_TRUE(renewed_mask(at, kTwoOfFour, Norm::L2).is_same(at.mask));
  at.weight[100].copy_(at.mask[100]); // No further entry is dropped.
  EXPECT_TRUE(renewed_mask(at, kTwoOfFour, Norm::L2).is_same(at.mask));
  const auto kept = at.mask[100].nonzero()[0].item<int64_t>();
  at.weight[100][kept] = 0; // Of three zeros the first two are dropped.
  const auto renewed = renewed_mask(at, kTwoOfFour, Norm::L2);
  EXPECT_TRUE(renewed.equal(weight_norm_mask(at.weight, kTwoOfFour)));
  at.weight[100][kept] = NAN;
  EXPECT_THROW(renewed_mask(at, kTwoOfFour, Norm::L2), c10::ValueError);
}

TEST(RenewedMask, LeavesTheOneInForceAsItIs) {
  const auto whole = large_weight();
  auto differs_in_one = weight_norm_mask(whole, kTwoOfFour);
  differs_in_one[100][5].logical_not_();
  for (const auto& mask :
       {differs_in_one,
        torch::zeros_like(differs_in_one),
        torch::ones_like(differs_in_one)}) {
    const auto at = masked(whole, mask);
    const auto renewed = renewed_mask(at, kTwoOfFour, Norm::L2);
    EXPECT_TRUE(renewed.equal(weight_norm_mask(at.weight, kTwoOfFour)));
    EXPECT_TRUE(at.mask.equal(mask));
  }
}

} // namespace
} // namespace coppice::masked_weight_test
