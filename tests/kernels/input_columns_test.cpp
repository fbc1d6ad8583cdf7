#include "kernels/input_columns.h"

#include <gtest/gtest.h>

#include "kernels/bitmask_columns.h"
#include "support/products.h"
#include "support/targets.h"

namespace coppice::kernels::input_columns_test {
namespace {

using testing::as_stored;
using testing::Expected;
using testing::kDtypes;
using testing::kOddShapes;
using testing::Problem;

class InputColumnsTest : public testing::OnEveryTarget {};

std::vector<float>
product(const Problem& p, float threshold, Dtype dtype, size_t parts = 1) {
  const auto packed = pack_input_columns(p.w.data(), p.rows, p.cols, {dtype});
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

std::vector<float> sparse_product(
    const Problem& p,
    float threshold,
    Dtype dtype,
    size_t parts = 1) {
  const auto packed = pack_bitmask_columns(p.w.data(), p.rows, p.cols, {dtype});
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

/// The weight as stored and the input without skipped values.
Expected expected(Problem p, float threshold, Dtype dtype) {
  for (float& value : p.x) {
    value = std::fabs(value) <= threshold ? 0.0f : value;
  }
  return Expected(as_stored(p, dtype));
}

TEST_P(InputColumnsTest, MultiplyEveryShapeAndThreshold) {
  for (const auto& shape : kOddShapes) {
    for (const float threshold : {0.0f, 0.7f, 100.0f}) {
      for (const auto dtype : kDtypes) {
        const Problem p(shape.rows, shape.cols, 1);
        ASSERT_NO_FATAL_FAILURE(expect_close(
            product(p, threshold, dtype), expected(p, threshold, dtype)))
            << shape.rows << 'x' << shape.cols << ' ' << threshold;
      }
    }
  }
}

TEST_P(InputColumnsTest, GiveTheSameBitsForAnySplitOfTheRows) {
  const Problem p(131, 257, 1);
  for (const auto dtype : kDtypes) {
    const auto whole = product(p, 0.5f, dtype);
    for (const size_t parts : {2, 3, 7, 200}) {
      EXPECT_TRUE(testing::same_bits(product(p, 0.5f, dtype, parts), whole))
          << parts;
    }
  }
}

TEST_P(InputColumnsTest, UnpackBitForBit) {
  for (const auto& shape : kOddShapes) {
    const auto w = testing::random_floats(
        shape.rows * shape.cols, testing::Floats::kSpecial, 3);
    for (const auto dtype : kDtypes) {
      std::vector<float> unpacked(w.size());
      unpack(
          pack_input_columns(w.data(), shape.rows, shape.cols, {dtype}),
          unpacked.data());
      EXPECT_TRUE(testing::same_bits(unpacked, as_stored(w, dtype)));
    }
  }
}

TEST_P(InputColumnsTest, MultiplySparseWeights) {
  for (const auto& shape : kOddShapes) {
    for (const double sparsity : {0.0, 0.5, 1.0}) {
      for (const auto dtype : kDtypes) {
        const auto p = Problem(shape.rows, shape.cols, 1).drop(sparsity);
        ASSERT_NO_FATAL_FAILURE(expect_close(
            sparse_product(p, 0.5f, dtype), expected(p, 0.5f, dtype)))
            << shape.rows << 'x' << shape.cols << ' ' << sparsity;
      }
    }
  }
}

TEST_P(InputColumnsTest, GiveTheSameBitsForAnySplitOfSparseTiles) {
  const auto p = Problem(777, 67, 1).drop(0.6);
  for (const auto dtype : kDtypes) {
    const auto whole = sparse_product(p, 0.5f, dtype);
    ASSERT_NO_FATAL_FAILURE(expect_close(whole, expected(p, 0.5f, dtype)));
    for (const size_t parts : {2, 3, 9}) {
      EXPECT_TRUE(
          testing::same_bits(sparse_product(p, 0.5f, dtype, parts), whole));
    }
  }
}

TEST_P(InputColumnsTest, UnpackSparseWeightsBitForBit) {
  for (const auto& shape : kOddShapes) {
    const auto w = testing::random_floats(
        shape.rows * shape.cols, testing::Floats::kSpecial, 3);
    for (const auto dtype : kDtypes) {
      std::vector<float> unpacked(w.size(), NAN);
      unpack(
          pack_bitmask_columns(w.data(), shape.rows, shape.cols, {dtype}),
          unpacked.data());
      EXPECT_TRUE(testing::same_bits(
          unpacked, testing::without_minus_zero(as_stored(w, dtype))));
    }
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
