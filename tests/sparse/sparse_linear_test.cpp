#include "coppice/sparse/sparse_linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "support/errors.h"
#include "support/packed.h"

namespace coppice::nn::sparse_linear_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::same_bits;

torch::nn::Linear pruned(int64_t in, int64_t out, bool bias = true) {
  torch::nn::Linear linear(torch::nn::LinearOptions(in, out).bias(bias));
  const torch::NoGradGuard no_grad;
  linear->weight.copy_(testing::sparse_weight({out, in}, 0.8));
  return linear;
}

TEST(SparseLinear, StandsInForTheDenseLayer) {
  for (const bool bias : {true, false}) {
    auto dense = pruned(30, 20, bias);
    for (const auto format : packed_formats()) {
      auto layer = SparseLinear::from_dense(dense, format);
      const auto x = testing::random({4, 5, 30}, 3);
      EXPECT_TRUE(layer(x).allclose(dense(x), 1e-5, 1e-5));
      EXPECT_TRUE(
          same_bits(layer.to_dense()->weight.detach(), dense->weight.detach()));
      EXPECT_EQ(layer->parameters().size(), bias ? 1U : 0U);
    }
  }
}

TEST(SparseLinear, StoresBFloat16IfAskedAlsoInFiles) {
  auto dense = pruned(30, 20);
  auto layer = SparseLinear::from_dense(
      dense,
      PackedWeightOptions(PackedFormat::BitmaskRows).dtype(torch::kBFloat16));
  std::stringstream file;
  torch::save(layer, file);
  SparseLinear loaded(30, 20);
  torch::load(loaded, file);
  const auto x = testing::random({4, 30}, 3);
  EXPECT_EQ(loaded->weight()->dtype(), torch::kBFloat16);
  EXPECT_TRUE(loaded(x).equal(layer(x)));
  EXPECT_TRUE(same_bits(
      loaded.to_dense()->weight.detach(),
      testing::rounded(dense->weight.detach())));
  std::ostringstream text;
  text << loaded;
  EXPECT_THAT(text.str(), HasSubstr("format=bitmask_rows, dtype=bfloat16)"));
}

TEST(SparseLinear, RunsInASequential) {
  auto dense = pruned(30, 20);
  torch::nn::Sequential net(
      SparseLinear::from_dense(dense, PackedFormat::BitmaskRows),
      torch::nn::ReLU());
  const auto x = testing::random({4, 30}, 3);
  EXPECT_TRUE(net->forward(x).allclose(dense(x).relu(), 1e-5, 1e-5));
}

TEST(SparseLinear, KeepsItsBiasWhenTheDenseLayerTrainsOn) {
  auto dense = pruned(30, 20);
  auto layer = SparseLinear::from_dense(dense, PackedFormat::Dense);
  const auto x = testing::random({4, 30}, 3);
  const auto y = layer(x);
  const torch::NoGradGuard no_grad;
  dense->bias.add_(1);
  dense->weight.add_(1);
  EXPECT_TRUE(layer(x).equal(y));
  EXPECT_FALSE(layer->bias.requires_grad());
}

TEST(SparseLinear, ClonesWithABiasOfTheirOwn) {
  auto layer =
      SparseLinear::from_dense(pruned(30, 20), PackedFormat::PatternPanels);
  SparseLinear clone(
      std::dynamic_pointer_cast<SparseLinearImpl>(layer->clone()));
  const auto x = testing::random({4, 30}, 3);
  const auto y = layer(x);
  EXPECT_TRUE(clone(x).equal(y));
  EXPECT_EQ(clone->weight(), layer->weight());
  const torch::NoGradGuard no_grad;
  layer->bias.add_(1);
  EXPECT_TRUE(clone(x).equal(y));
}

TEST(SparseLinear, IsSavedAndLoadedInsideAModel) {
  for (const bool bias : {true, false}) {
    torch::nn::Sequential net(
        SparseLinear::from_dense(
            pruned(30, 20, bias),
            PackedWeightOptions(PackedFormat::OutputBlocks4).batch(3)),
        torch::nn::Linear(20, 2));
    std::stringstream file;
    torch::save(net, file);
    torch::nn::Sequential other(
        SparseLinear(30, 20, bias), torch::nn::Linear(20, 2));
    torch::load(other, file);
    const auto x = testing::random({4, 30}, 3);
    EXPECT_TRUE(other->forward(x).equal(net->forward(x)));
    const auto& weight = other->at<SparseLinearImpl>(0).weight();
    EXPECT_EQ(weight->format(), PackedFormat::OutputBlocks4);
    EXPECT_EQ(weight->batch(), 3);
  }
}

template <class Saved, class Loaded>
std::string load_error(const Saved& saved, Loaded loaded) {
  std::stringstream file;
  torch::save(saved, file);
  return message_of([&] { torch::load(loaded, file); });
}

TEST(SparseLinear, NamesMismatchesWhenLoaded) {
  const auto layer =
      SparseLinear::from_dense(pruned(30, 20), PackedFormat::Dense);
  EXPECT_THAT(
      load_error(layer, SparseLinear(31, 20)),
      AllOf(HasSubstr("[20, 30]"), HasSubstr("[20, 31]")));
  EXPECT_THAT(
      load_error(layer, SparseLinear(30, 20, false)),
      HasSubstr("holds a bias"));
  EXPECT_THAT(
      load_error(torch::nn::Linear(30, 20), SparseLinear(30, 20)),
      HasSubstr("from_dense"));
}

TEST(SparseLinear, RefusesWhatDoesNotFit) {
  const auto weight =
      PackedWeight::pack(torch::ones({20, 30}), PackedFormat::Dense);
  EXPECT_THAT(
      message_of([&] { SparseLinear(weight, torch::ones({30})); }),
      HasSubstr("[20]"));
  EXPECT_THAT(message_of([] { SparseLinear(-1, 3); }), HasSubstr("negative"));
  EXPECT_THAT(
      message_of([] {
        SparseLinear(
            PackedWeight::pack(torch::ones({2, 3, 1, 1}), PackedFormat::Dense),
            torch::Tensor());
      }),
      HasSubstr("2 dimensions"));
}

TEST(SparseLinear, PrintsItself) {
  std::ostringstream text;
  text << SparseLinear::from_dense(
      pruned(30, 20, false), PackedFormat::BitmaskRows);
  EXPECT_EQ(
      text.str(),
      "coppice::nn::SparseLinear(in_features=30, out_features=20, bias=false, "
      "format=bitmask_rows)");
}

} // namespace
} // namespace coppice::nn::sparse_linear_test
