#include "kernels/transpose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels::transpose_test {
namespace {

class Transpose : public testing::OnEveryTarget {};

TEST_P(Transpose, HoldsEveryInputOnceAndZerosBeside) {
  for (const size_t batch : {1, 2, 8, 9, 16, 24, 33, 64, 70, 129}) {
    for (const size_t cols : {1, 7, 16, 50}) {
      const auto x =
          testing::random_floats(batch * cols, testing::Floats::kFinite, 1);
      std::vector<float> transposed(transposed_size(batch, cols), NAN);
      for (size_t part = 0; part < 3; ++part) {
        transpose_batch(
            x.data(),
            batch,
            cols,
            even_range(cols, part, 3),
            transposed.data());
      }
      auto wanted = x;
      wanted.resize(transposed.size());
      std::sort(wanted.begin(), wanted.end());
      std::sort(transposed.begin(), transposed.end());
      EXPECT_EQ(transposed, wanted) << batch << ' ' << cols;
    }
  }
}

TEST_P(Transpose, PadsAtMostToTwiceTheBatchOrOneTile) {
  for (size_t batch = 0; batch < 300; ++batch) {
    const size_t width = transposed_size(batch, 1);
    EXPECT_GE(width, batch);
    EXPECT_LE(width, std::max<size_t>(8, 2 * batch));
  }
}

TEST_P(Transpose, TilesHaveTheWidthsThatAreSaid) {
  for (const size_t batch : {1, 7, 33, 70, 300}) {
    // With one column, tiles are contiguous.
    std::vector<float> x(batch);
    for (size_t i = 0; i < batch; ++i) {
      x[i] = static_cast<float>(i + 1);
    }
    std::vector<float> transposed(transposed_size(batch, 1), NAN);
    transpose_batch(x.data(), batch, 1, {0, 1}, transposed.data());
    size_t size = 0;
    for (size_t first = 0; first < batch; first += tile_width(batch - first)) {
      EXPECT_EQ(transposed[first], x[first]);
      size += tile_width(batch - first);
    }
    EXPECT_EQ(size, transposed.size());
  }
}

TEST_P(Transpose, TurnsEveryShapeBetweenAnyStrides) {
  for (const size_t rows : {0, 1, 5, 16, 37}) {
    for (const size_t cols : {0, 1, 8, 16, 51}) {
      const auto from = testing::random_floats(
          rows * (cols + 3), testing::Floats::kFinite, 1);
      std::vector<float> to(cols * (rows + 2), NAN);
      transpose(from.data(), rows, cols, cols + 3, to.data(), rows + 2);
      for (size_t c = 0; c < cols; ++c) {
        for (size_t r = 0; r < rows; ++r) {
          ASSERT_EQ(to[c * (rows + 2) + r], from[r * (cols + 3) + c]);
        }
        EXPECT_TRUE(std::isnan(to[c * (rows + 2) + rows])) << rows;
      }
    }
  }
}

COPPICE_TEST_ON_EVERY_TARGET(Transpose);

} // namespace
} // namespace coppice::kernels::transpose_test
