#include "coppice/kernels/input_columns.h"

#include <gtest/gtest.h>

#include "coppice/kernels/bitmask_columns.h"
#include "support/products.h"
#include "support/targets.h"

namespace coppice::kernels::input_columns_test {
namespace {

using testing::Expected;
using testing::kOddShapes;
using testing::Problem;

class InputColumnsTest : public testing::OnEveryTarget {};

std::vector<float>
product(const Problem& p, float threshold, size_t parts = 1) {
  const auto packed = pack_input_columns(p.w.data(), p.rows, p.cols);
  std::vector<ActiveInput> active(p.cols);
  const size_t count =
      active_inputs(p.x.data(), p.cols, threshold, active.data());
  std::vector<float> y(p.rows, NAN);
  for (size_t part = 0; part < parts; ++part) {
    input_columns_product(
        packed,
        active.data(),
        count,
        p.bias.data(),
        even_range(p.rows, part, parts),
        y.data());
  }
  return y;
}

std::vector<float>
sparse_product(const Problem& p, float threshold, size_t parts = 1) {
  const auto packed = pack_bitmask_columns(p.w.data(), p.rows, p.cols);
  std::vector<ActiveInput> active(p.cols);
  const size_t count =
      active_inputs(p.x.data(), p.cols, threshold, active.data());
  std::vector<float> y(p.rows, NAN);
  for (size_t part = 0; part < parts; ++part) {
    bitmask_columns_product(
        packed,
        active.data(),
        count,
        p.bias.data(),
        even_range(packed.tiles, part, parts),
        y.data());
  }
  return y;
}

/// The problem with what the threshold skips set to zero.
Problem skipped(Problem p, float threshold) {
  for (float& value : p.x) {
    value = std::fabs(value) <= threshold ? 0.0f : value;
  }
  return p;
}

TEST_P(InputColumnsTest, MultiplyEveryShapeAndThreshold) {
  for (const auto& shape : kOddShapes) {
    for (const float threshold : {0.0f, 0.7f, 100.0f}) {
      const Problem p(shape.rows, shape.cols, 1);
      ASSERT_NO_FATAL_FAILURE(
          expect_close(product(p, threshold), Expected(skipped(p, threshold))))
          << shape.rows << 'x' << shape.cols << ' ' << threshold;
    }
  }
}

TEST_P(InputColumnsTest, GiveTheSameBitsForAnySplitOfTheRows) {
  const Problem p(131, 257, 1);
  const auto whole = product(p, 0.5f);
  for (const size_t parts : {2, 3, 7, 200}) {
    EXPECT_TRUE(testing::same_bits(product(p, 0.5f, parts), whole)) << parts;
  }
}

TEST_P(InputColumnsTest, UnpackBitForBit) {
  for (const auto& shape : kOddShapes) {
    const auto w = testing::random_floats(
        shape.rows * shape.cols, testing::Floats::kSpecial, 3);
    std::vector<float> unpacked(w.size());
    unpack(
        pack_input_columns(w.data(), shape.rows, shape.cols), unpacked.data());
    EXPECT_TRUE(testing::same_bits(unpacked, w));
  }
}

TEST_P(InputColumnsTest, MultiplySparseWeights) {
  for (const auto& shape : kOddShapes) {
    for (const double sparsity : {0.0, 0.5, 1.0}) {
      const auto p = Problem(shape.rows, shape.cols, 1).drop(sparsity);
      ASSERT_NO_FATAL_FAILURE(
          expect_close(sparse_product(p, 0.5f), Expected(skipped(p, 0.5f))))
          << shape.rows << 'x' << shape.cols << ' ' << sparsity;
    }
  }
}

TEST_P(InputColumnsTest, GiveTheSameBitsForAnySplitOfSparseTiles) {
  const auto p = Problem(777, 67, 1).drop(0.6);
  const auto whole = sparse_product(p, 0.5f);
  ASSERT_NO_FATAL_FAILURE(expect_close(whole, Expected(skipped(p, 0.5f))));
  for (const size_t parts : {2, 3, 9}) {
    EXPECT_TRUE(testing::same_bits(sparse_product(p, 0.5f, parts), whole));
  }
}

TEST_P(InputColumnsTest, UnpackSparseWeightsBitForBit) {
  for (const auto& shape : kOddShapes) {
    const auto p = Problem(shape.rows, shape.cols, 1).drop(0.5);
    std::vector<float> unpacked(p.w.size(), NAN);
    unpack(pack_bitmask_columns(p.w.data(), p.rows, p.cols), unpacked.data());
    EXPECT_TRUE(testing::same_bits(unpacked, p.w));
  }
}

TEST_P(InputColumnsTest, ListNanAndInfinityAndSkipBothZeros) {
  const std::vector<float> x = {0.0f, -0.0f, NAN, -INFINITY, 1e-40f, -2.0f};
  std::vector<ActiveInput> active(x.size());
  ASSERT_EQ(active_inputs(x.data(), x.size(), 0.0f, active.data()), 4u);
  EXPECT_EQ(active[0].column, 2u);
  EXPECT_EQ(active[3].column, 5u);
  ASSERT_EQ(active_inputs(x.data(), x.size(), 2.0f, active.data()), 2u);
  EXPECT_EQ(active[1].value, -INFINITY);
}

COPPICE_TEST_ON_EVERY_TARGET(InputColumnsTest);

} // namespace
} // namespace coppice::kernels::input_columns_test
