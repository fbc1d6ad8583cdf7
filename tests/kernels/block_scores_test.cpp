#include "kernels/block_scores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::block_scores_test {
namespace {

using testing::Floats;
using testing::random_floats;
using testing::same_bits;

class BlockScores : public testing::OnEveryTarget {};

float measured(float v, Measure measure) {
  return measure == Measure::kValue ? v
      : measure == Measure::kSquare ? v * v
                                    : std::fabs(v);
}

/// The reference, in the documented order of summation.
std::vector<float> scores_plainly(
    const std::vector<float>& values,
    size_t rows,
    size_t width,
    size_t cols,
    Measure measure) {
  std::vector<float> scores;
  for (size_t begin = 0; begin < width; begin += cols) {
    const size_t end = std::min(begin + cols, width);
    float sum = 0;
    for (size_t r = 0; r < rows; ++r) {
      std::vector<float> row(std::max<size_t>(4, cols));
      for (size_t c = begin; c < end; ++c) {
        row[c - begin] = measured(values[r * width + c], measure);
      }
      if (cols == 4) {
        sum += (row[0] + row[1]) + (row[2] + row[3]);
      } else {
        for (size_t c = 0; c < end - begin; ++c) {
          sum += row[c];
        }
      }
    }
    scores.push_back(sum / static_cast<float>(rows * (end - begin)));
  }
  return scores;
}

TEST_P(BlockScores, EqualAPlainLoopBitForBit) {
  unsigned seed = 0;
  for (const size_t rows : {1, 2, 4, 16}) {
    for (const size_t cols : {1, 3, 4, 8}) {
      for (size_t width = 1; width < 300; width += width < 20 ? 1 : 19) {
        for (const Measure measure :
             {Measure::kValue, Measure::kMagnitude, Measure::kSquare}) {
          const auto values =
              random_floats(rows * width, Floats::kFinite, ++seed);
          std::vector<float> scores((width + cols - 1) / cols);
          EXPECT_TRUE(block_scores(
              values.data(), rows, width, cols, measure, scores.data()));
          ASSERT_TRUE(same_bits(
              scores, scores_plainly(values, rows, width, cols, measure)))
              << rows << ' ' << cols << ' ' << width;
        }
      }
    }
  }
}

TEST_P(BlockScores, SeeEveryValueThatIsNotFinite) {
  constexpr size_t kRows = 2;
  constexpr size_t kWidth = 150;
  for (const size_t cols : {1, 3, 4}) {
    for (const float value : {NAN, -NAN, INFINITY, -INFINITY}) {
      for (size_t i = 0; i < kRows * kWidth; ++i) {
        std::vector<float> values(kRows * kWidth, 1.0f);
        values[i] = value;
        std::vector<float> scores(kWidth);
        EXPECT_FALSE(block_scores(
            values.data(),
            kRows,
            kWidth,
            cols,
            Measure::kSquare,
            scores.data()))
            << i;
      }
    }
  }
}

COPPICE_TEST_ON_EVERY_TARGET(BlockScores);

} // namespace
} // namespace coppice::kernels::block_scores_test
