#include "kernels/pattern_panels.h"

#include <gtest/gtest.h>

#include "support/batch_products.h"
#include "support/targets.h"

namespace coppice::kernels::pattern_panels_test {
namespace {

using testing::as_stored;
using testing::Expected;
using testing::kDtypes;
using testing::kOddShapes;
using testing::Problem;

class PatternPanelsTest : public testing::OnEveryTarget {};

std::vector<float>
product(const PatternPanels& packed, const Problem& p, size_t parts = 1) {
  return testing::product_in_parts(
      p,
      parts,
      pattern_scratch_size(),
      [&](size_t part, const float* x, float* scratch, float* y) {
        const auto range =
            balanced_range(packed.begins.data(), packed.panels, part, parts);
        pattern_product(packed, x, p.batch, p.bias.data(), range, scratch, y);
      });
}

PatternPanels packed_from(const Problem& p, size_t chunk, Dtype dtype) {
  return pack_pattern_panels(p.w.data(), p.rows, p.cols, chunk, {dtype});
}

TEST_P(PatternPanelsTest, MultipliesEveryShapeSparsityAndBatch) {
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

TEST_P(PatternPanelsTest, GivesTheSameBitsForAnySplitOfTheRows) {
  const auto p = Problem(131, 257, 75).drop(0.7);
  for (const auto dtype : kDtypes) {
    const auto packed = packed_from(p, 64, dtype);
    const auto whole = product(packed, p);
    for (const size_t parts : {2, 3, 7, 40}) {
      EXPECT_TRUE(testing::same_bits(product(packed, p, parts), whole))
          << parts;
    }
  }
}

TEST_P(PatternPanelsTest, UnpacksBitForBitButForMinusZero) {
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

TEST_P(PatternPanelsTest, NanAndInfinityReachJustTheRowsThatWeighThem) {
  auto p = Problem(37, 129, 20).drop(0.8);
  p.x[5] = INFINITY;
  p.x[3 * p.cols + 100] = NAN;
  p.w[7 * p.cols + 9] = -INFINITY;
  for (const auto dtype : kDtypes) {
    expect_close(
        product(packed_from(p, 64, dtype), p), Expected(as_stored(p, dtype)));
  }
}

COPPICE_TEST_ON_EVERY_TARGET(PatternPanelsTest);

} // namespace
} // namespace coppice::kernels::pattern_panels_test
