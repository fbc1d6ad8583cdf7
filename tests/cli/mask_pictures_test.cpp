#include "cli/mask_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "coppice/masks/measure.h"

namespace coppice::cli::mask_pictures_test {
namespace {

using ::testing::HasSubstr;

CompiledLayer layer_of(const torch::Tensor& weight) {
  CompiledLayer layer;
  layer.layer = "fc";
  layer.shape = weight.sizes().vec();
  layer.weight = weight;
  layer.sparsity = sparsity(weight);
  layer.pattern = "unstructured";
  return layer;
}

/// Ones in every fourth column.
torch::Tensor striped(int64_t rows, int64_t cols) {
  const auto weight = torch::zeros({rows, cols});
  weight.slice(1, 0, cols, 4).fill_(1);
  return weight;
}

TEST(MaskPictures, ShowASmallWeightWhole) {
  const auto frame =
      mask_pictures(layer_of(striped(16, 27).view({16, 3, 3, 3})));
  EXPECT_EQ(frame.title, "fc");
  EXPECT_THAT(frame.text, HasSubstr("16x3x3x3"));
  EXPECT_THAT(frame.text, HasSubstr("74.07% zeros, unstructured"));
  ASSERT_EQ(frame.pictures.size(), 1U);
  const auto& picture = frame.pictures[0].picture;
  EXPECT_EQ(picture.rows, 16);
  EXPECT_EQ(picture.cols, 27);
  for (size_t i = 0; i < picture.shares.size(); ++i) {
    EXPECT_EQ(picture.shares[i], i % 27 % 4 == 0 ? 1 : 0);
  }
}

TEST(MaskPictures, ShowALargeWeightSmallerAndItsMiddleAsItIs) {
  const auto frame = mask_pictures(layer_of(striped(240, 1200)));
  ASSERT_EQ(frame.pictures.size(), 2U);
  const auto& whole = frame.pictures[0];
  EXPECT_EQ(whole.picture.rows, 120);
  EXPECT_EQ(whole.picture.cols, 120);
  EXPECT_EQ(whole.aspect, 5);
  EXPECT_THAT(whole.caption, HasSubstr("2x10 weights per cell"));
  EXPECT_THAT(whole.caption, HasSubstr("at most 30% of a cell are not zero"));
  const auto& middle = frame.pictures[1].picture;
  ASSERT_EQ(middle.rows, 48);
  ASSERT_EQ(middle.cols, 48);
  for (size_t i = 0; i < middle.shares.size(); ++i) {
    EXPECT_EQ(
        middle.shares[i], i % 4 == 0 ? 1 : 0); // The detail begins at 576.
  }
}

TEST(MaskPictures, ShowNoDetailWhereNothingIsZero) {
  const auto frame = mask_pictures(layer_of(torch::ones({10, 1024})));
  ASSERT_EQ(frame.pictures.size(), 1U);
  EXPECT_EQ(frame.pictures[0].caption, "No weight is zero");
  EXPECT_THAT(frame.text, HasSubstr("no zeros"));
}

TEST(MaskPictures, TakeAWeightWithoutElements) {
  EXPECT_TRUE(mask_pictures(layer_of(torch::ones({0, 4}))).pictures.empty());
  EXPECT_TRUE(mask_pictures(CompiledLayer()).pictures.empty());
}

} // namespace
} // namespace coppice::cli::mask_pictures_test
