#include "report/picture.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/png.h"

namespace coppice::picture_test {
namespace {

using testing::decoded_png;

TEST(Picture, IsAPngOfItsShares) {
  // Three columns: the last has a byte of its own.
  const auto png =
      decoded_png(to_png({2, 3, {0.f, 0.25f, 0.5f, 0.5f, 0.001f, 0.f}}));
  EXPECT_EQ(png.width, 3U);
  EXPECT_EQ(png.height, 2U);
  EXPECT_EQ(png.bits, 4);
  EXPECT_EQ(png.color, 3);
  EXPECT_EQ(png.shade(0, 0), 0);
  EXPECT_EQ(png.shade(1, 0), 8); // Half of the largest, 7.5 of 15.
  EXPECT_EQ(png.shade(2, 0), 15);
  EXPECT_EQ(png.shade(0, 1), 15);
  EXPECT_EQ(png.shade(1, 1), 1); // Nonzero, so visible.
  EXPECT_EQ(png.shade(2, 1), 0);
}

TEST(Picture, GoesFromTransparentToFull) {
  std::vector<float> shares;
  for (int i = 0; i < 16; ++i) {
    shares.push_back(static_cast<float>(i) / 15);
  }
  const auto png = decoded_png(to_png({1, 16, shares}));
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(png.opacity(i, 0), 17 * i);
    EXPECT_EQ(png.rgb(i, 0), png.rgb(15, 0)) << i;
  }
}

TEST(Picture, OfNothingIsEmpty) {
  const Picture nothing{4, 5, std::vector<float>(20, 0.f)};
  EXPECT_EQ(nothing.most(), 0);
  const auto png = decoded_png(to_png(nothing));
  for (uint32_t y = 0; y < 4; ++y) {
    for (uint32_t x = 0; x < 5; ++x) {
      EXPECT_EQ(png.opacity(x, y), 0);
    }
  }
}

TEST(Picture, IsSmallIfItIsPlain) {
  EXPECT_LT(
      to_png({120, 120, std::vector<float>(120 * 120, 1.f)}).size(), 300U);
}

TEST(Picture, RefusesWhatIsNoPicture) {
  EXPECT_THROW(to_png({0, 0, {}}), c10::ValueError);
  EXPECT_THROW(to_png({2, 2, {1.f}}), c10::ValueError);
  EXPECT_THROW(to_png({-1, -1, {1.f}}), c10::ValueError);
  EXPECT_THROW(
      to_png({1, 16385, std::vector<float>(16385, 1.f)}), c10::ValueError);
}

} // namespace
} // namespace coppice::picture_test
