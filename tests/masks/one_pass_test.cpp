// A mask made in one pass equals ATen's, whatever the current mask is.
#include "masks/one_pass.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <vector>

#include "coppice/masks/select.h"
#include "masks/aten.h"
#include "support/threads.h"

namespace coppice::one_pass_test {
namespace {

using masks::cpu::mask_in_one_pass;

/// Enough rows that blocks (1, 8) are many.
constexpr int64_t kRows = 3001;
constexpr int64_t kCols = 240;

struct Case {
  double level;
  int64_t cols;
};

std::vector<Case> cases() {
  return {{0.8, 1}, {0.05, 1}, {0.5, 3}, {0.8, 4}, {0.99, 4}, {0.6, 8}};
}

masks::Grid grid_of(const torch::Tensor& weight, const Case& at) {
  return masks::grid_of(weight, {1, at.cols});
}

int64_t drop_of(const masks::Grid& grid, const Case& at) {
  return blocks_to_drop(at.level, grid.blocks());
}

torch::Tensor expected(const torch::Tensor& weight, const Case& at) {
  return masks::aten::weight_norm(
      weight,
      grid_of(weight, at),
      {at.level, {1, at.cols}, at.cols},
      masks::criterion_of(Norm::L1));
}

std::optional<masks::cpu::Checked> one_pass(
    const torch::Tensor& weight,
    const Case& at,
    const torch::Tensor& present = {},
    const torch::Tensor& dropped = {}) {
  const auto grid = grid_of(weight, at);
  const masks::MaskedWeight masked{weight, dropped, present, {}};
  return mask_in_one_pass(
      weight,
      grid,
      drop_of(grid, at),
      kernels::Measure::kMagnitude,
      present.defined() ? &masked : nullptr);
}

/// Whether more blocks score zero than are dropped; one pass cannot decide such
/// ties.
bool has_spare_zeros(const torch::Tensor& weight, const Case& at) {
  const auto grid = grid_of(weight, at);
  const auto scores = masks::aten::block_scores(weight.abs(), grid);
  return scores.eq(0).sum().item<int64_t>() > drop_of(grid, at);
}

/// A weight under the mask `present`, which may be undefined.
void expect_mask_of_aten(
    const torch::Tensor& weight,
    const Case& at,
    const torch::Tensor& present) {
  const auto right = expected(weight, at);
  const auto before = present.defined() ? present.clone() : present;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    const auto checked = one_pass(weight, at, present);
    if (has_spare_zeros(weight, at)) {
      EXPECT_FALSE(checked);
      continue;
    }
    ASSERT_TRUE(checked);
    EXPECT_TRUE(checked->finite);
    EXPECT_TRUE(checked->result.equal(right));
    EXPECT_EQ(
        checked->result.is_same(present),
        present.defined() && before.equal(right));
    EXPECT_TRUE(!present.defined() || present.equal(before));
  }
}

TEST(OnePass, GivesTheMaskOfAtenWhateverTheOneInForce) {
  const testing::Threads restored;
  torch::manual_seed(0);
  const auto normal = torch::randn({kRows, kCols});
  for (const auto& weight : {normal, (normal * 1000).round() / 1000}) {
    for (const Case& at : cases()) {
      SCOPED_TRACE(::testing::Message() << at.level << ' ' << at.cols);
      const auto right = expected(weight, at);
      expect_mask_of_aten(weight, at, {});
      for (const auto& present :
           {right,
            torch::ones_like(right),
            torch::zeros_like(right),
            torch::rand({kRows, kCols}) > 0.3}) {
        expect_mask_of_aten(weight * present, at, present);
      }
    }
  }
}

// Entries that the current mask drops become zero when writes are absorbed. If
// the sample ignored that, every step after a training step would take two
// passes.
TEST(OnePass, AbsorbsWritesBeforeItScores) {
  torch::manual_seed(0);
  for (const Case& at : cases()) {
    auto weight = torch::randn({kRows, kCols});
    const auto present = torch::rand({kRows, kCols / at.cols})
                             .lt(0.3)
                             .repeat_interleave(at.cols, 1);
    const auto right = expected(weight * present, at);
    const auto checked =
        one_pass(weight, at, present, torch::zeros_like(weight));
    // Ties at zero beyond the dropped ones need another path.
    if (at.level > 0.7) {
      ASSERT_TRUE(checked) << at.level << ' ' << at.cols;
      EXPECT_TRUE(checked->result.equal(right));
    }
  }
}

TEST(OnePass, LeavesToOthersWhatABracketDoesNotDecide) {
  const Case singles{0.5, 1};
  EXPECT_FALSE(one_pass(torch::randn({10, 10}), singles));
  EXPECT_FALSE(one_pass(torch::ones({kRows, kCols}), singles));
  const auto few_values = torch::randint(1, 4, {kRows, kCols}, torch::kFloat);
  EXPECT_FALSE(one_pass(few_values, singles));
  EXPECT_FALSE(one_pass(torch::randn({kRows, kCols}), {0.5, 7}));
  // The sample does not see the most frequent values.
  auto misleading = torch::randn({kRows, kCols});
  const auto present = torch::zeros({kRows, kCols}, torch::kBool);
  EXPECT_FALSE(one_pass(misleading, singles, present));
}

TEST(OnePass, FindsValuesThatAreNotFinite) {
  torch::manual_seed(0);
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    for (const Case& at : cases()) {
      for (const auto place : {0L, kRows * kCols / 2, kRows * kCols - 1}) {
        auto weight = torch::randn({kRows, kCols});
        weight.view(-1)[place] = value;
        const auto checked = one_pass(weight, at);
        ASSERT_TRUE(checked);
        EXPECT_FALSE(checked->finite) << value << ' ' << place;
      }
    }
  }
}

} // namespace
} // namespace coppice::one_pass_test
