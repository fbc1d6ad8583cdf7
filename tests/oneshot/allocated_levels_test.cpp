#include "oneshot/allocated_levels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "support/errors.h"

namespace coppice::allocated_levels_test {
namespace {

using namespace coppice::oneshot; // NOLINT(google-build-using-namespace)
using coppice::testing::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Layers = std::vector<LayerToAllocate>;

PruneModifier rule_of(Allocation allocation, double level) {
  PruneModifier rule;
  rule.method = PruneMethod::ALPS;
  rule.pattern = {level, {1, 1}, 1};
  rule.allocation = allocation;
  return rule;
}

LayerToAllocate layer_of(const std::string& name, const torch::Tensor& weight) {
  return {name, weight.sizes().vec(), {weight}, {weight.abs()}};
}

/// A small layer, a large one, and one whose weight ops take in two parts.
Layers some_layers() {
  torch::manual_seed(5);
  Layers layers{
      layer_of("a.weight", torch::randn({4, 6})),
      layer_of("layers.0.weight", torch::randn({32, 20}) * 2),
      layer_of("layers.1.weight", torch::randn({24, 16, 3, 3}))};
  const auto parts = layers[1].parts[0].chunk(2, 0);
  layers[1].parts = {parts[0], parts[1]};
  layers[1].outlier_scores = {parts[0].abs(), parts[1].abs().square()};
  return layers;
}

Sensitivity costs_of(const Layers& layers) {
  Sensitivity measured;
  measured.levels = {0.5, 0.9, 0.99};
  double scale = 1;
  for (const auto& layer : layers) {
    measured.layers.push_back({layer.name, layer.shape, {}});
    for (const double cost : {0.01, 0.1, 2.0}) {
      calibration::OutputChange change;
      change.relative_error = cost * scale;
      change.divergence = cost * scale;
      measured.layers.back().changes.push_back(change);
    }
    scale *= 10;
  }
  return measured;
}

double whole(const Layers& layers, const std::vector<double>& levels) {
  double zeros = 0;
  double all = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    double size = 1;
    for (const auto side : layers[i].shape) {
      size *= static_cast<double>(side);
    }
    zeros += levels[i] * size;
    all += size;
  }
  return zeros / all;
}

TEST(AllocatedLevels, HaveTheLevelOfTheRuleTogether) {
  const auto layers = some_layers();
  const auto measured = costs_of(layers);
  for (const auto allocation :
       {Allocation::Uniform,
        Allocation::ERK,
        Allocation::Global,
        Allocation::OWL,
        Allocation::Measured}) {
    for (const double level : {0.3, 0.8}) {
      const auto levels =
          allocated_levels(rule_of(allocation, level), layers, &measured);
      // One weight is the most that rounding may take.
      EXPECT_NEAR(whole(layers, levels), level, 1.0 / 4000)
          << static_cast<int>(allocation);
    }
  }
}

TEST(AllocatedLevels, UniformIsTheSameForAll) {
  EXPECT_THAT(
      allocated_levels(
          rule_of(Allocation::Uniform, 0.7), some_layers(), nullptr),
      ElementsAre(0.7, 0.7, 0.7));
}

TEST(AllocatedLevels, ErkLetsSmallLayersKeepMore) {
  const auto levels =
      allocated_levels(rule_of(Allocation::ERK, 0.9), some_layers(), nullptr);
  EXPECT_LT(levels[0], levels[1]);
  EXPECT_LT(levels[1], levels[2]);
}

TEST(AllocatedLevels, GlobalCountsWhatOneThresholdDrops) {
  const auto layers = some_layers();
  const auto levels =
      allocated_levels(rule_of(Allocation::Global, 0.5), layers, nullptr);
  std::vector<torch::Tensor> all;
  for (const auto& layer : layers) {
    for (const auto& part : layer.parts) {
      all.push_back(part.abs().reshape(-1));
    }
  }
  const auto cut = torch::cat(all).median();
  EXPECT_NEAR(
      levels[2],
      layers[2].parts[0].abs().lt(cut).to(torch::kDouble).mean().item<double>(),
      1e-3);
}

TEST(AllocatedLevels, GlobalCountsBlocksWhereBlocksAreDropped) {
  auto rule = rule_of(Allocation::Global, 0.5);
  rule.pattern = {0.5, {2, 2}, 4};
  // Single weights of `spread` are large, but not the means of its blocks.
  auto spread = torch::full({4, 4}, 0.1);
  spread.slice(1, 0, 4, 2).slice(0, 0, 4, 2).fill_(1);
  const auto even = torch::full({4, 4}, 0.8);
  EXPECT_THAT(
      allocated_levels(
          rule, {layer_of("spread", spread), layer_of("even", even)}, nullptr),
      ElementsAre(1, 0));
  EXPECT_THAT(
      allocated_levels(
          rule_of(Allocation::Global, 0.5),
          {layer_of("spread", spread), layer_of("even", even)},
          nullptr),
      ElementsAre(0.75, 0.25));
}

TEST(AllocatedLevels, OwlGivesANumberedBlockOneLevel) {
  torch::manual_seed(5);
  Layers layers;
  for (const char* name :
       {"layers.0.up.weight", "layers.0.down.weight", "layers.1.up.weight"}) {
    layers.push_back(layer_of(name, torch::rand({8, 8})));
  }
  layers[1].outlier_scores[0][0][0] = 100;
  const auto levels =
      allocated_levels(rule_of(Allocation::OWL, 0.5), layers, nullptr);
  EXPECT_EQ(levels[0], levels[1]);
  EXPECT_LT(levels[0], levels[2]);
  EXPECT_NEAR(levels[2] - levels[0], 2 * 0.08, 1e-9);
  EXPECT_NEAR(whole(layers, levels), 0.5, 1e-9);
  EXPECT_THAT(
      message_of([&] {
        allocated_levels(rule_of(Allocation::OWL, 0.97), layers, nullptr);
      }),
      HasSubstr("`layers.1.up.weight` would get a level of 1.07"));
}

TEST(AllocatedLevels, MeasuredTakesFromTheLayerOfLeastCost) {
  const Layers alike{
      layer_of("a.weight", torch::randn({10, 10})),
      layer_of("b.weight", torch::randn({10, 10}))};
  const auto of_alike = costs_of(alike);
  const auto levels =
      allocated_levels(rule_of(Allocation::Measured, 0.6), alike, &of_alike);
  EXPECT_NEAR(levels[0], 0.7, 1e-9);
  EXPECT_NEAR(levels[1], 0.5, 1e-9);
  const auto layers = some_layers();
  const auto measured = costs_of(layers);
  const auto complaint = [&](double level, const Layers& of) {
    return message_of([&] {
      allocated_levels(rule_of(Allocation::Measured, level), of, &measured);
    });
  };
  EXPECT_THAT(
      complaint(0.995, layers),
      HasSubstr("no allocation reaches a sparsity of 0.995: layers were "
                "measured up to 0.99"));
  EXPECT_THAT(
      complaint(0.5, {layer_of("other.weight", torch::randn({4, 6}))}),
      HasSubstr("no layer `other.weight`"));
  EXPECT_THAT(
      complaint(0.5, {layer_of("a.weight", torch::randn({4, 7}))}),
      HasSubstr("`a.weight` has the shape 4x6, and the model's has 4x7"));
}

TEST(AllocatedLevels, RefuseNmWhichHasOneLevel) {
  auto rule = rule_of(Allocation::ERK, 1);
  rule.pattern = {1, {1, 4}, 2};
  EXPECT_THAT(
      message_of([&] { allocated_levels(rule, some_layers(), nullptr); }),
      HasSubstr("2:4 has one level"));
  rule.allocation = Allocation::Uniform;
  EXPECT_THAT(
      allocated_levels(rule, some_layers(), nullptr), ElementsAre(1, 1, 1));
}

TEST(NumberedBlock, IsTheNameUpToTheFirstNumber) {
  EXPECT_EQ(
      numbered_block("model.layers.11.self_attn.q_proj.weight"),
      "model.layers.11");
  EXPECT_EQ(numbered_block("layer1.0.conv2.weight"), "layer1.0");
  EXPECT_EQ(numbered_block("3.weight"), "3");
  EXPECT_EQ(numbered_block("fc1.weight"), "fc1.weight");
  EXPECT_EQ(numbered_block("a..2x"), "a..2x");
  EXPECT_EQ(numbered_block("a.7"), "a.7");
  EXPECT_EQ(numbered_block(""), "");
}

} // namespace
} // namespace coppice::allocated_levels_test
