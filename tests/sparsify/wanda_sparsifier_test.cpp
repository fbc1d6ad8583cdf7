// docs/reference.md 9 and 7.2, and outputs recorded of the reference.

#include "coppice/sparsify/wanda_sparsifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "sparsify/calibrated_nets.h"
#include "support/errors.h"
#include "support/golden.h"
#include "support/warnings.h"

namespace coppice::wanda_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;
using HookedLinear = coppice::nn::Hooked<torch::nn::Linear>;

/// A model of one layer, "0".
struct OneLayer {
  explicit OneLayer(const Tensor& weight)
      : layer(torch::nn::LinearOptions(weight.size(1), weight.size(0))
                  .bias(false)),
        net(layer) {
    const torch::NoGradGuard no_grad;
    layer->weight.copy_(weight);
  }

  HookedLinear layer;
  torch::nn::Sequential net;
};

TEST(WandaGolden, MasksOfTheReference) {
  const auto cases = testing::golden("structured_newest.json").at("wanda");
  ASSERT_EQ(cases.size(), 5U);
  for (const auto& each : cases) {
    OneLayer model(testing::golden_tensor(each.at("weight")));
    WandaSparsifierOptions options;
    options.sparsity_level(each.at("level").get<double>());
    if (!each.at("semi_block").is_null()) {
      options.semi_structured_block_size(each.at("semi_block").get<int64_t>());
    }
    WandaSparsifier sparsifier(options);
    sparsifier.prepare(*model.net);
    for (const auto& input : each.at("result").at("inputs")) {
      model.net->forward(testing::golden_tensor(input));
    }
    const auto squares =
        sparsifier.state_dict().state.at("0.weight").at("pending_inputs");
    const auto norm =
        testing::golden_tensor(each.at("result").at("channel_norm_squared"));
    EXPECT_TRUE(squares.toTensor()[0].square().sum(0).allclose(norm));
    sparsifier.step();
    EXPECT_EQ(
        testing::bits_of(sparsifier.mask("0.weight")),
        each.at("result").at("mask").at("bits").get<std::string>());
  }
}

// docs/reference.md 7.2, Wanda.
TEST(WandaTest, OneLayerInGroupsOfFour) {
  OneLayer model(torch::arange(1, 9).reshape({1, 8}).to(torch::kFloat));
  WandaSparsifier sparsifier(
      WandaSparsifierOptions().semi_structured_block_size(4));
  sparsifier.prepare(*model.net);
  model.net->forward(torch::ones({1, 8}));
  sparsifier.step();
  sparsifier.squash_mask();
  EXPECT_TRUE(model.layer->weight.equal(
      torch::tensor({{0., 0., 3., 4., 0., 0., 7., 8.}}, torch::kFloat)));
}

TEST(WandaTest, OneLayer) {
  OneLayer model(torch::tensor({{1., 2., 3., 4.}}, torch::kFloat));
  WandaSparsifier sparsifier(WandaSparsifierOptions().sparsity_level(0.5));
  sparsifier.prepare(*model.net);
  model.net->forward(torch::tensor({{100., 10., 1., 0.1}}, torch::kFloat));
  sparsifier.step();
  sparsifier.squash_mask();
  EXPECT_TRUE(model.layer->weight.equal(
      torch::tensor({{1., 2., 0., 0.}}, torch::kFloat)));
}

TEST(WandaTest, TwoLayersEachToTheLevel) {
  const torch::nn::Sequential net(
      HookedLinear(128, 200), HookedLinear(200, 10));
  WandaSparsifier sparsifier;
  sparsifier.prepare(*net);
  torch::nn::Sequential run = net;
  run->forward(torch::randn({100, 128}));
  sparsifier.step();
  for (const auto& group : sparsifier.groups()) {
    EXPECT_EQ(group.mask().sum().item<int64_t>() * 2, group.mask().numel());
  }
}

TEST(WandaSparsifier, ComparesAllOfALayerBySquares) {
  // 3 * 1 against 1 * 2: norms would keep the first, squares keep the second.
  OneLayer model(torch::tensor({{3., 1.}, {2.9, 0.9}}, torch::kFloat));
  WandaSparsifier sparsifier;
  sparsifier.prepare(*model.net);
  model.net->forward(torch::tensor({{1., 2.}}, torch::kFloat));
  sparsifier.step();
  // Scores 3, 4; 2.9, 3.6: the lowest two are of one column.
  EXPECT_EQ(testing::bits_of(sparsifier.mask("0.weight")), "0101");
}

TEST(WandaSparsifier, WhatWasDroppedStaysDropped) {
  OneLayer model(torch::ones({1, 4}));
  WandaSparsifier sparsifier(WandaSparsifierOptions().sparsity_level(0.25));
  sparsifier.prepare(*model.net);
  model.net->forward(torch::tensor({{0., 1., 1., 1.}}, torch::kFloat));
  sparsifier.step();
  EXPECT_EQ(testing::bits_of(sparsifier.mask("0.weight")), "0111");
  model.net->forward(torch::tensor({{9., 1., 0., 9.}}, torch::kFloat));
  sparsifier.step();
  EXPECT_EQ(testing::bits_of(sparsifier.mask("0.weight")), "0101");
}

TEST(WandaSparsifier, AsPublishedIsTheSolver) {
  torch::manual_seed(6);
  const auto weight = torch::randn({8, 10});
  const auto first = torch::randn({9, 10});
  const auto second = torch::randn({7, 10});
  for (const bool is_nm : {false, true}) {
    OneLayer model(weight);
    WandaSparsifierOptions options;
    options.sparsity_level(0.3).as_published(true);
    auto selection = Selection().sparsity(0.3).among(Selection::Among::Row);
    if (is_nm) {
      options.semi_structured_block_size(4);
      selection = Nm{2, 4};
    }
    WandaSparsifier sparsifier(options);
    sparsifier.prepare(*model.net);
    SecondMoments moments(10, SecondMoments::Kind::Diagonal);
    for (const auto& x : {first, second}) {
      model.net->forward(x);
      moments.add(x);
      sparsifier.step(); // Each begins anew, with all weights.
      const auto right = solve_wanda(weight, moments, selection);
      EXPECT_TRUE(sparsifier.mask("0.weight").equal(right.mask));
      EXPECT_TRUE(model.layer->weight.equal(right.weight));
    }
  }
}

TEST(WandaSparsifier, SeesPatchesOfConvolutionsInGroups) {
  const auto images = testing::calibration_images(20);
  auto net = testing::seeded_calibrated_net();
  const auto weight = net->conv->weight.detach().clone();
  WandaSparsifier sparsifier;
  sparsifier.prepare(*net, {{"conv.weight"}});
  net->forward(images);
  sparsifier.step();
  const auto moments =
      testing::moments_by_hand(images, SecondMoments::Kind::Diagonal).conv;
  const auto squares =
      torch::stack({moments[0].diagonal(), moments[1].diagonal()});
  const auto scores = (weight.abs().reshape({2, 3, 18}) *
                       squares.to(torch::kFloat).unsqueeze(1))
                          .reshape({6, 18});
  const auto right = select_mask(scores, Selection()).reshape(weight.sizes());
  EXPECT_TRUE(sparsifier.mask("conv.weight").equal(right));
  EXPECT_TRUE(net->conv->weight.equal(weight.masked_fill(~right, 0)));
}

TEST(WandaSparsifier, WarnsThatTheLevelIsFixed) {
  EXPECT_THAT(
      testing::warnings_of([] {
        WandaSparsifier(WandaSparsifierOptions().semi_structured_block_size(4));
      }),
      HasSubstr("2 of 4"));
}

TEST(WandaSparsifier, RefusesOptionsOutOfRange) {
  EXPECT_THAT(
      message_of([] {
        WandaSparsifier(WandaSparsifierOptions().sparsity_level(1.5));
      }),
      HasSubstr("1.5"));
  EXPECT_THAT(
      message_of([] {
        WandaSparsifier(WandaSparsifierOptions().semi_structured_block_size(1));
      }),
      HasSubstr("2 or more"));
}

} // namespace
} // namespace coppice::wanda_sparsifier_test
