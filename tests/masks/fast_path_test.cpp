// The kernels give the masks that ATen gives, bit for bit, on any number of
// threads.
#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "coppice/masks/block.h"
#include "coppice/masks/measure.h"
#include "coppice/masks/nm.h"
#include "coppice/masks/select.h"
#include "coppice/masks/weight_norm.h"
#include "masks/aten.h"
#include "support/threads.h"

namespace coppice::fast_path_test {
namespace {

/// Values that make selection hard: no ties, many ties, nearly all zero, all
/// equal, wide range.
torch::Tensor values_of(const std::string& kind, torch::IntArrayRef shape) {
  const auto normal = torch::randn(shape);
  if (kind == "quantised") {
    return (normal * 8).round() / 8;
  }
  if (kind == "sparse") {
    return normal * (torch::rand(shape) > 0.8);
  }
  if (kind == "ones") {
    return torch::ones(shape);
  }
  if (kind == "sizes") {
    return normal * torch::pow(10.0, torch::randint(-30, 19, shape));
  }
  return normal;
}

const std::vector<std::string> kKinds =
    {"normal", "quantised", "sparse", "ones", "sizes"};

/// Mask of `weight` through ATen, whatever its dtype and device.
torch::Tensor mask_by_aten(
    const torch::Tensor& weight,
    const WeightNormPattern& pattern,
    const masks::Criterion& criterion) {
  const auto grid = masks::grid_of(weight, pattern.sparse_block_shape);
  const auto matrix = masks::scorable(weight).reshape({grid.h, grid.w});
  return masks::aten::weight_norm(matrix, grid, pattern, criterion)
      .reshape(weight.sizes());
}

void expect_fast_is_aten(
    const torch::Tensor& weight,
    const WeightNormPattern& pattern) {
  for (const auto norm : {Norm::L1, Norm::L2}) {
    ASSERT_TRUE(
        weight_norm_mask(weight, pattern, norm)
            .equal(mask_by_aten(weight, pattern, masks::criterion_of(norm))))
        << weight.sizes() << ' ' << pattern.sparse_block_shape << ' '
        << pattern.sparsity_level << ' ' << pattern.zeros_per_block;
  }
  ASSERT_TRUE(weight_norm_mask_of_scores(weight, pattern)
                  .equal(mask_by_aten(weight, pattern, masks::kByValue)))
      << weight.sizes() << ' ' << pattern.sparse_block_shape << ' '
      << pattern.sparsity_level << ' ' << pattern.zeros_per_block;
}

using Case = std::tuple<std::string, std::vector<int64_t>>;

class FastPath : public ::testing::TestWithParam<Case> {};

TEST_P(FastPath, GivesTheMasksOfAten) {
  torch::manual_seed(0);
  const auto& [kind, shape] = GetParam();
  const auto weight = values_of(kind, shape);
  for (const BlockShape block :
       {BlockShape{1, 1},
        BlockShape{1, 4},
        BlockShape{4, 4},
        BlockShape{16, 1},
        BlockShape{2, 3},
        BlockShape{1, 8}}) {
    for (const double level : {0.3, 0.8, 1.0}) {
      for (const int64_t zeros : {block.size() / 2, block.size()}) {
        if (zeros > 0 && (level < 1 || zeros < block.size())) {
          expect_fast_is_aten(weight, {level, block, zeros});
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes,
    FastPath,
    ::testing::Combine(
        ::testing::ValuesIn(kKinds),
        ::testing::Values(
            std::vector<int64_t>{1, 1},
            std::vector<int64_t>{3, 5},
            std::vector<int64_t>{64, 128},
            std::vector<int64_t>{37, 101},
            std::vector<int64_t>{200, 3},
            std::vector<int64_t>{9, 4, 7},
            std::vector<int64_t>{24, 5, 3, 3})));

// Long enough that a sample brackets the cut, and for three threads.
TEST(FastPathOfManyValues, DoesNotDependOnThreads) {
  const testing::Threads threads;
  torch::manual_seed(0);
  for (const auto& kind : kKinds) {
    const auto weight = values_of(kind, {301, 701});
    for (const WeightNormPattern& pattern :
         {WeightNormPattern{0.8, {1, 1}, 1},
          WeightNormPattern{0.1, {1, 1}, 1},
          WeightNormPattern{0.5, {1, 4}, 2},
          WeightNormPattern{0.999, {4, 4}, 16},
          WeightNormPattern{1.0, {1, 4}, 2}}) {
      at::set_num_threads(1);
      const auto expected =
          mask_by_aten(weight, pattern, masks::criterion_of(Norm::L2));
      for (const int count : {1, 2, 3}) {
        at::set_num_threads(count);
        EXPECT_TRUE(weight_norm_mask(weight, pattern).equal(expected))
            << kind << ' ' << count;
      }
    }
  }
}

TEST(FastPathOfManyValues, SelectsAtEveryLevel) {
  const testing::Threads threads(3);
  torch::manual_seed(0);
  for (const auto& kind : kKinds) {
    auto scores = values_of(kind, {150001});
    const int64_t n = scores.numel();
    for (const int64_t count :
         {int64_t{1}, int64_t{7}, n / 5, n / 2, n - n / 100, n - 1, n}) {
      ASSERT_TRUE(drop_lowest_mask(scores, count)
                      .equal(masks::aten::drop_lowest(scores, count)))
          << kind << ' ' << count;
    }
  }
}

// All values below the cut are where a stratified sample does not see them as
// common: the bracket is wrong, the mask is not.
TEST(FastPathOfManyValues, SurvivesAnOrderedInput) {
  const auto rising = torch::arange(200000, torch::kFloat);
  for (const auto& scores : {rising, rising.flip(0), rising.fmod(64)}) {
    for (const int64_t count : {5, 777, 100000, 199999}) {
      ASSERT_TRUE(drop_lowest_mask(scores, count)
                      .equal(masks::aten::drop_lowest(scores, count)))
          << count;
    }
  }
}

TEST(FastPathOfManyValues, FindsValuesThatAreNotFinite) {
  for (const int64_t size : {100, 100000}) {
    for (const float value :
         {NAN, -NAN, INFINITY, -std::numeric_limits<float>::infinity()}) {
      for (const WeightNormPattern& pattern :
           {WeightNormPattern{0.8, {1, 1}, 1},
            WeightNormPattern{1e-9, {1, 1}, 1},
            WeightNormPattern{0.8, {1, 4}, 4},
            WeightNormPattern{0.8, {4, 1}, 4},
            WeightNormPattern{0.8, {3, 3}, 9},
            WeightNormPattern{1.0, {3, 3}, 2},
            WeightNormPattern{1.0, {1, 4}, 2}}) {
        auto weight = torch::ones({3, size});
        weight[2][size - 1] = value;
        EXPECT_THROW(weight_norm_mask(weight, pattern), c10::ValueError);
        weight = torch::ones({3, size});
        weight[0][size / 2] = value;
        EXPECT_THROW(weight_norm_mask(weight, pattern), c10::ValueError);
      }
    }
  }
}

// A square may overflow although the weight is finite: those blocks are the
// highest.
TEST(FastPathOfManyValues, TakesSquaresThatOverflow) {
  auto weight = torch::ones({4, 8});
  weight[0] = 1e30;
  const auto mask = weight_norm_mask(weight, {0.75, {1, 4}, 4});
  EXPECT_TRUE(mask[0].all().item<bool>());
  EXPECT_EQ(mask.sum().item<int64_t>(), 8);
}

TEST(FastPathOfAnyTensor, TakesWhatIsNotContiguous) {
  torch::manual_seed(0);
  const auto weight = torch::randn({40, 30});
  const WeightNormPattern pattern{0.6, {2, 4}, 3};
  EXPECT_TRUE(weight_norm_mask(weight.t(), pattern)
                  .equal(weight_norm_mask(weight.t().contiguous(), pattern)));
  const auto every_other = weight.slice(1, 0, 30, 2);
  EXPECT_TRUE(weight_norm_mask(every_other, pattern)
                  .equal(weight_norm_mask(every_other.contiguous(), pattern)));
}

// half and bfloat16 values are exact in float32, so masks are equal.
TEST(FastPathOfAnyTensor, TakesEveryDtype) {
  torch::manual_seed(0);
  const auto values = (torch::randn({33, 20}) * 16).round() / 16;
  for (const WeightNormPattern& pattern :
       {WeightNormPattern{0.6, {1, 1}, 1},
        WeightNormPattern{0.6, {2, 2}, 3},
        WeightNormPattern{0.5, {4, 1}, 4}}) {
    const auto expected = weight_norm_mask(values, pattern);
    for (const auto dtype : {torch::kDouble, torch::kHalf, torch::kBFloat16}) {
      EXPECT_TRUE(weight_norm_mask(values.to(dtype), pattern).equal(expected))
          << dtype;
    }
  }
}

TEST(FastPathOfAnyTensor, ScoresBlocksLikeAten) {
  torch::manual_seed(0);
  const auto values = torch::randn({37, 101});
  for (const BlockShape block :
       {BlockShape{1, 1},
        BlockShape{1, 4},
        BlockShape{3, 4},
        BlockShape{16, 1},
        BlockShape{2, 7},
        BlockShape{64, 256}}) {
    const auto expected =
        masks::aten::block_scores(values, masks::grid_of(values, block));
    EXPECT_TRUE(block_scores(values, block).equal(expected)) << block;
    EXPECT_TRUE(block_scores(values.to(torch::kDouble), block)
                    .allclose(expected.to(torch::kDouble), 1e-5, 1e-6))
        << block;
  }
}

TEST(FastPathOfAnyTensor, CountsZeros) {
  torch::manual_seed(0);
  const auto values = values_of("sparse", {123, 457});
  EXPECT_EQ(count_zeros(values), values.eq(0).sum().item<int64_t>());
  EXPECT_EQ(count_zeros(values.t()), count_zeros(values));
  EXPECT_EQ(count_zeros(values.to(torch::kHalf)), count_zeros(values));
  EXPECT_EQ(count_zeros(torch::tensor({0, 1, 0})), 2);
}

} // namespace
} // namespace coppice::fast_path_test
