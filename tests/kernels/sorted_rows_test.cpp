#include "kernels/sorted_rows.h"

#include <gtest/gtest.h>

#include "support/batch_products.h"
#include "support/targets.h"

namespace coppice::kernels::sorted_rows_test {
namespace {

using testing::as_stored;
using testing::Expected;
using testing::kDtypes;
using testing::kOddShapes;
using testing::Problem;

class SortedRowsTest : public testing::OnEveryTarget {};

std::vector<float>
product(const SortedRows& packed, const Problem& p, size_t parts = 1) {
  return testing::product_in_parts(
      p,
      parts,
      sorted_scratch_size(),
      [&](size_t part, const float* x, float* scratch, float* y) {
        const auto range =
            balanced_range(packed.begins.data(), packed.blocks, part, parts);
        sorted_rows_product(
            packed, x, p.batch, p.bias.data(), range, scratch, y);
      });
}

SortedRows packed_from(const Problem& p, size_t chunk, Dtype dtype) {
  return pack_sorted_rows(p.w.data(), p.rows, p.cols, chunk, {dtype});
}

TEST_P(SortedRowsTest, MultipliesEveryShapeSparsityAndBatch) {
  for (const auto& shape : kOddShapes) {
    for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
      for (const size_t batch : {0, 1, 3, 8, 9, 16, 31, 33, 64, 67, 130}) {
        auto p = Problem(shape.rows, shape.cols, batch).drop(sparsity);
        for (const auto dtype : kDtypes) {
          const auto y = product(packed_from(p, 32, dtype), p);
          ASSERT_NO_FATAL_FAILURE(
              expect_close(y, Expected(as_stored(p, dtype))))
              << shape.rows << 'x' << shape.cols << " batch " << batch;
        }
      }
    }
  }
}

TEST_P(SortedRowsTest, GivesTheSameBitsForAnySplitOfTheRows) {
  const auto p = Problem(1100, 157, 75).drop(0.7);
  for (const auto dtype : kDtypes) {
    const auto packed = packed_from(p, 64, dtype);
    const auto whole = product(packed, p);
    for (const size_t parts : {2, 3, 7, 40}) {
      EXPECT_TRUE(testing::same_bits(product(packed, p, parts), whole))
          << parts;
    }
  }
}

TEST_P(SortedRowsTest, PutsRowsOfAsManyWeightsTogether) {
  const auto p = Problem(2 * sorted_block_rows() + 9, 100, 1).drop(0.9);
  const auto packed = packed_from(p, 40, Dtype::Float32);
  ASSERT_EQ(packed.cells.size(), 3 * packed.blocks + 1);
  for (size_t cell = 0; cell + 1 < packed.cells.size(); ++cell) {
    auto last = packed.chunk + 1;
    for (auto run = packed.cells[cell].runs; run < packed.cells[cell + 1].runs;
         ++run) {
      EXPECT_LT(packed.runs[run].weights, last);
      EXPECT_GT(packed.runs[run].weights, 0);
      last = packed.runs[run].weights;
    }
  }
}

TEST_P(SortedRowsTest, UnpacksBitForBitButForMinusZero) {
  for (const auto& shape : kOddShapes) {
    Problem p(shape.rows, shape.cols, 0);
    p.w = testing::random_floats(
        shape.rows * shape.cols, testing::Floats::kSpecial, 3);
    for (const auto dtype : kDtypes) {
      std::vector<float> unpacked(p.w.size(), NAN);
      unpack(packed_from(p, 50, dtype), unpacked.data());
      EXPECT_TRUE(testing::same_bits(
          unpacked, testing::without_minus_zero(as_stored(p.w, dtype))));
    }
  }
}

TEST_P(SortedRowsTest, NanAndInfinityReachJustTheRowsThatWeighThem) {
  auto p = Problem(37, 129, 20).drop(0.8);
  p.x[5] = INFINITY;
  p.x[3 * p.cols + 100] = NAN;
  p.w[7 * p.cols + 9] = -INFINITY;
  for (const auto dtype : kDtypes) {
    expect_close(
        product(packed_from(p, 64, dtype), p), Expected(as_stored(p, dtype)));
  }
}

COPPICE_TEST_ON_EVERY_TARGET(SortedRowsTest);

} // namespace
} // namespace coppice::kernels::sorted_rows_test
