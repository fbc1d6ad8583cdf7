#include "kernels/bfloat16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/products.h"

namespace coppice::kernels::bfloat16_test {
namespace {

float float_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

TEST(BFloat16Test, EveryValueComesBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = to_float(BFloat16{static_cast<uint16_t>(bits)});
    const auto again = to_bfloat16(value);
    const bool signalling = std::isnan(value) && (bits & 0x40) == 0;
    EXPECT_EQ(again.bits, signalling ? bits | 0x40 : bits);
  }
}

TEST(BFloat16Test, RoundsToTheNearestAndTiesToEven) {
  const auto rounded = [](uint32_t bits) {
    return to_bfloat16(float_of(bits)).bits;
  };
  EXPECT_EQ(rounded(0x3f808000), 0x3f80); // Tie: down to even,
  EXPECT_EQ(rounded(0x3f818000), 0x3f82); // up to even.
  EXPECT_EQ(rounded(0x3f808001), 0x3f81);
  EXPECT_EQ(rounded(0x3f817fff), 0x3f81);
  EXPECT_EQ(rounded(0xbf818000), 0xbf82);
  EXPECT_EQ(rounded(0x3fffffff), 0x4000); // Carries into the exponent.
  EXPECT_EQ(rounded(0x7f7fffff), 0x7f80); // Rounds to infinity.
  EXPECT_EQ(rounded(0x00008000), 0x0000); // The smallest, and below it.
  EXPECT_EQ(rounded(0x00008001), 0x0001);
  EXPECT_EQ(rounded(0x80000001), 0x8000);
}

TEST(BFloat16Test, RoundsToNearestEven) {
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 65521 / 7) {
    const float value = float_of(static_cast<uint32_t>(bits));
    const float rounded = to_float(to_bfloat16(value));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(rounded));
      EXPECT_EQ(std::signbit(rounded), std::signbit(value));
    } else {
      EXPECT_EQ(rounded, testing::as_stored(value, Dtype::BFloat16));
    }
  }
}

TEST(BFloat16Test, NanStaysNanAlsoWithAPayloadInTheLowerHalf) {
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(float_of(0x7f800001)))));
  EXPECT_TRUE(std::isnan(to_float(to_bfloat16(float_of(0xffffffff)))));
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(to_float(to_bfloat16(-infinity)), -infinity);
}

} // namespace
} // namespace coppice::kernels::bfloat16_test
