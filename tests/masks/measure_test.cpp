#include "coppice/masks/measure.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "coppice/masks/block.h"
#include "coppice/masks/nm.h"
#include "coppice/masks/weight_norm.h"

namespace coppice::measure_test {
namespace {

/// Ones with the mask of `pattern` at `level`.
torch::Tensor sparse_weight(BlockShape block, int64_t zeros, double level) {
  torch::manual_seed(0);
  const auto weight = torch::rand({32, 64}) + 0.1;
  return weight * weight_norm_mask(weight, {level, block, zeros});
}

TEST(Sparsity, IsTheShareOfExactZeros) {
  EXPECT_EQ(sparsity(torch::tensor({0.f, -0.f, 1e-45f, 2.f})), 0.5);
  EXPECT_EQ(sparsity(torch::empty({0})), 0);
  EXPECT_EQ(sparsity(torch::tensor({true, false})), 0.5);
  EXPECT_EQ(count_zeros(torch::zeros({3, 4}, torch::kHalf)), 12);
}

TEST(NmConformity, IsTheShareOfGroupsWithEnoughZeros) {
  const auto weight = torch::tensor({{1, 0, 2, 0, 1, 1, 1, 0}});
  EXPECT_EQ(nm_conformity(weight, {2, 4}), 0.5);
  EXPECT_EQ(nm_conformity(weight, {3, 4}), 1);
  EXPECT_EQ(nm_conformity(weight, {1, 2}), 0.75);
}

TEST(NmConformity, JudgesAShorterLastGroup) {
  EXPECT_EQ(nm_conformity(torch::tensor({{1, 1, 0, 0, 1, 1}}), {2, 4}), 1);
  EXPECT_EQ(nm_conformity(torch::tensor({{1, 1, 0, 0, 1, 1}}), {1, 4}), 0);
}

TEST(NmConformity, RejectsWhatHasNoGroups) {
  EXPECT_THROW(nm_conformity(torch::ones({8}), {2, 4}), c10::ValueError);
  EXPECT_THROW(nm_conformity(torch::ones({0, 8}), {2, 4}), c10::ValueError);
  EXPECT_THROW(nm_conformity(torch::ones({1, 8}), {0, 4}), c10::ValueError);
  EXPECT_THROW(nm_conformity(torch::ones({1, 8}), {5, 4}), c10::ValueError);
}

TEST(BlockOccupancy, CountsBlocksThatHoldSomething) {
  const auto weight = torch::tensor({{1, 1, 0, 0, 5}, {1, 1, 0, 0, 5}});
  const auto two = block_occupancy(weight, {2, 2});
  EXPECT_EQ(two.blocks, 3);
  EXPECT_EQ(two.kept, 2);
  EXPECT_TRUE(two.aligned);
  const auto three = block_occupancy(weight, {1, 3});
  EXPECT_EQ(three.blocks, 4);
  EXPECT_EQ(three.kept, 4);
  EXPECT_FALSE(three.aligned);
}

TEST(DetectPattern, FindsTheBlocksOfAMask) {
  for (const BlockShape block :
       {BlockShape{16, 1},
        BlockShape{1, 16},
        BlockShape{4, 4},
        BlockShape{8, 1},
        BlockShape{4, 1},
        BlockShape{1, 4}}) {
    const auto weight = sparse_weight(block, block.size(), 0.5);
    EXPECT_EQ(detect_pattern(weight), Pattern(block)) << block;
  }
}

TEST(DetectPattern, FindsNmSparsity) {
  for (const Nm nm : {Nm{2, 4}, Nm{4, 8}, Nm{1, 4}}) {
    const auto weight = sparse_weight({1, nm.m}, nm.m - nm.n, 1.0);
    EXPECT_EQ(detect_pattern(weight), Pattern(nm)) << to_string(nm);
  }
}

TEST(DetectPattern, CallsTheRestUnstructured) {
  EXPECT_EQ(
      detect_pattern(sparse_weight({1, 1}, 1, 0.8)), Pattern(Unstructured{}));
  EXPECT_EQ(detect_pattern(torch::ones({32, 64})), Pattern(Unstructured{}));
  EXPECT_THROW(detect_pattern(torch::ones({8})), c10::ValueError);
}

TEST(NmMask, KeepsTheTwoHighestOfFour) {
  const auto mask = nm_mask(torch::tensor({{3., 1., 2., 0.}}), {2, 4});
  EXPECT_TRUE(mask.equal(torch::tensor({{true, false, true, false}})));
}

TEST(NmMask, DropsTheLowerIndexOnATie) {
  const auto mask = nm_mask(torch::ones({1, 64}), {32, 64});
  EXPECT_TRUE(mask[0].equal(torch::arange(64) >= 32));
}

TEST(NmMask, IsWeightNormMaskOfTheMagnitudes) {
  torch::manual_seed(0);
  const auto weight = torch::randn({16, 22});
  for (const Nm nm : {Nm{1, 2}, Nm{2, 4}, Nm{1, 4}, Nm{4, 8}, Nm{4, 4}}) {
    EXPECT_TRUE(
        nm_mask(weight.abs(), nm)
            .equal(weight_norm_mask(weight, {1.0, {1, nm.m}, nm.m - nm.n})));
    EXPECT_EQ(nm_conformity(weight * nm_mask(weight.abs(), nm), nm), 1);
  }
}

TEST(NmMask, RejectsWhatHasNoGroups) {
  EXPECT_THROW(nm_mask(torch::ones({4}), {2, 4}), c10::ValueError);
  EXPECT_THROW(nm_mask(torch::ones({1, 4}), {5, 4}), c10::ValueError);
  EXPECT_THROW(
      nm_mask(torch::ones({1, 4}, torch::kInt), {2, 4}), c10::ValueError);
}

TEST(ExpandBlocks, RepeatsDecisions) {
  const auto mask = torch::tensor({{true, false}});
  const auto expected = torch::tensor({{true, true, false}});
  EXPECT_TRUE(expand_blocks(mask, {4, 2}, 1, 3).equal(expected));
  EXPECT_THROW(expand_blocks(mask, {4, 2}, 1, 5), c10::ValueError);
  EXPECT_THROW(
      expand_blocks(mask.to(torch::kInt), {4, 2}, 1, 3), c10::ValueError);
}

/// The same by a plain loop.
torch::Tensor counted_cells(const torch::Tensor& matrix, int64_t r, int64_t c) {
  const int64_t rows = (matrix.size(0) + r - 1) / r;
  const int64_t cols = (matrix.size(1) + c - 1) / c;
  auto cells = torch::zeros({rows, cols});
  auto sizes = torch::zeros({rows, cols});
  for (int64_t i = 0; i < matrix.size(0); ++i) {
    for (int64_t j = 0; j < matrix.size(1); ++j) {
      sizes[i / r][j / c] += 1;
      cells[i / r][j / c] += matrix[i][j].item<double>() != 0 ? 1 : 0;
    }
  }
  return cells / sizes;
}

TEST(DensityMap, IsTheShareOfNonZerosInEachCell) {
  torch::manual_seed(1);
  const auto matrix = torch::rand({13, 22}).gt(0.6).to(torch::kFloat);
  EXPECT_TRUE(density_map(matrix, 5, 8).equal(counted_cells(matrix, 3, 3)));
  EXPECT_TRUE(density_map(matrix, 13, 2).equal(counted_cells(matrix, 1, 11)));
  EXPECT_TRUE(density_map(matrix, 1, 1).equal(counted_cells(matrix, 13, 22)));
  // Cells of three rows: there are three, though four were allowed.
  EXPECT_EQ(density_map(torch::ones({9, 4}), 4, 4).size(0), 3);
  const auto full = density_map(torch::ones({9, 10, 3}, torch::kHalf), 4, 4);
  EXPECT_TRUE(full.equal(torch::ones({3, 4})));
}

TEST(DensityMap, ShowsASmallTensorElementByElement) {
  const auto kernel =
      torch::tensor({{{0.f, -0.f}, {3.f, NAN}}}).expand({2, 2, 2});
  const auto map = density_map(kernel, 128, 128);
  const auto row = torch::tensor({0.f, 0.f, 1.f, 1.f});
  EXPECT_TRUE(map.equal(torch::stack({row, row})));
}

TEST(DensityMap, RejectsWhatHasNoCells) {
  EXPECT_THROW(density_map(torch::ones({8}), 4, 4), c10::ValueError);
  EXPECT_THROW(density_map(torch::ones({0, 8}), 4, 4), c10::ValueError);
  EXPECT_THROW(density_map(torch::ones({2, 8}), 0, 4), c10::ValueError);
  EXPECT_THROW(density_map(torch::ones({2, 8}), 4, -1), c10::ValueError);
}

} // namespace
} // namespace coppice::measure_test
