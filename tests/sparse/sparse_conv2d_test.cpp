#include "coppice/sparse/sparse_conv2d.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "support/errors.h"
#include "support/packed.h"

namespace coppice::nn::sparse_conv2d_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;

Conv2d pruned(const Conv2dOptions& options) {
  Conv2d conv(options);
  const torch::NoGradGuard no_grad;
  conv->weight.copy_(testing::sparse_weight(conv->weight.sizes(), 0.8));
  return conv;
}

TEST(SparseConv2d, StandsInForTheDenseLayer) {
  const auto x = testing::random({2, 6, 12, 13}, 3);
  for (const auto& options :
       {Conv2dOptions(6, 8, 3),
        Conv2dOptions(6, 8, {3, 5}).stride({2, 1}).padding({1, 2}),
        Conv2dOptions(6, 8, 3).dilation(2).bias(false),
        Conv2dOptions(6, 8, 3).padding(torch::kSame),
        Conv2dOptions(6, 8, {2, 3}).dilation(2).padding(torch::kSame),
        Conv2dOptions(6, 8, 3).padding(torch::kValid),
        Conv2dOptions(6, 8, 1)}) {
    auto dense = pruned(options);
    auto layer = SparseConv2d::from_dense(dense, PackedFormat::PatternPanels);
    EXPECT_TRUE(layer(x).allclose(dense(x), 1e-5, 1e-5));
    EXPECT_TRUE(layer(x[0]).allclose(dense(x[0]), 1e-5, 1e-5));
  }
}

TEST(SparseConv2d, NamesUnsupportedLayers) {
  const auto refusal = [](const Conv2dOptions& options) {
    return message_of([&] {
      SparseConv2d::from_dense(pruned(options), PackedFormat::Dense);
    });
  };
  EXPECT_THAT(refusal(Conv2dOptions(6, 8, 3).groups(2)), HasSubstr("2 groups"));
  EXPECT_THAT(
      refusal(Conv2dOptions(6, 8, 3).padding(1).padding_mode(torch::kCircular)),
      HasSubstr("other than zeros"));
  EXPECT_THAT(
      refusal(Conv2dOptions(6, 8, 2).padding(torch::kSame)),
      HasSubstr("differently"));
}

TEST(SparseConv2d, IsClonedSavedAndLoaded) {
  auto layer = SparseConv2d::from_dense(
      pruned(Conv2dOptions(6, 8, 3).padding(1)), PackedFormat::OutputBlocks8);
  const auto x = testing::random({2, 6, 12, 13}, 3);
  const auto y = layer(x);
  auto clone = std::dynamic_pointer_cast<SparseConv2dImpl>(layer->clone());
  EXPECT_TRUE(clone->forward(x).equal(y));
  std::stringstream file;
  torch::save(layer, file);
  ConvStepping stepping;
  stepping.padding = {1, 1};
  SparseConv2d loaded(6, 8, std::array<int64_t, 2>{3, 3}, stepping);
  torch::load(loaded, file);
  EXPECT_TRUE(loaded(x).equal(y));
  SparseConv2d other(6, 8, std::array<int64_t, 2>{3, 2});
  file.seekg(0);
  EXPECT_THAT(
      message_of([&] { torch::load(other, file); }), HasSubstr("[8, 6, 3, 2]"));
}

TEST(SparseConv2d, PrintsItself) {
  std::ostringstream text;
  text << SparseConv2d::from_dense(
      pruned(Conv2dOptions(6, 8, {3, 1}).stride(2)), PackedFormat::Dense);
  EXPECT_EQ(
      text.str(),
      "coppice::nn::SparseConv2d(6, 8, kernel_size=[3, 1], stride=[2, 2], "
      "padding=[0, 0], dilation=[1, 1], bias=true, format=dense)");
}

} // namespace
} // namespace coppice::nn::sparse_conv2d_test
