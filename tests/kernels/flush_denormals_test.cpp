#include "kernels/flush_denormals.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "kernels/compressed_rows.h"
#include "kernels/dense.h"

namespace coppice::kernels::flush_denormals_test {
namespace {

/// Half of the smallest normal number, at run time.
float half_of_smallest() {
  volatile float value = std::numeric_limits<float>::min();
  return value * 0.5f;
}

#if defined(__x86_64__) || defined(__aarch64__)

TEST(FlushDenormalsTest, FlushesWhileItLivesAndThenNoMore) {
  EXPECT_GT(half_of_smallest(), 0.0f);
  {
    const FlushDenormals flush;
    EXPECT_EQ(half_of_smallest(), 0.0f);
    {
      const FlushDenormals inner;
      EXPECT_EQ(half_of_smallest(), 0.0f);
    }
    EXPECT_EQ(half_of_smallest(), 0.0f);
  }
  EXPECT_GT(half_of_smallest(), 0.0f);
}

TEST(FlushDenormalsTest, ProductsFlushAndRestoreTheCallersSetting) {
  const float w[] = {1e-40f};
  const float x[] = {1.0f};
  float y[] = {1.0f};
  dense_product(pack_dense_rows(w, 1, 1), x, 1, nullptr, {0, 1}, y);
  EXPECT_EQ(y[0], 0.0f);
  EXPECT_GT(half_of_smallest(), 0.0f);
}

#endif

TEST(FlushDenormalsTest, PackingKeepsDenormals) {
  const float w[] = {1e-40f, 0.0f, -1e-42f};
  float unpacked[3];
  const FlushDenormals flush;
  unpack(pack_compressed_rows(w, 1, 3), unpacked);
  EXPECT_EQ(std::memcmp(w, unpacked, sizeof(w)), 0);
}

} // namespace
} // namespace coppice::kernels::flush_denormals_test
