#include "coppice/kernels/transpose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/floats.h"
#include "support/targets.h"

namespace coppice::kernels {
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

COPPICE_TEST_ON_EVERY_TARGET(Transpose);

} // namespace
} // namespace coppice::kernels
