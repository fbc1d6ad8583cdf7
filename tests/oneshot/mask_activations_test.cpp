#include "coppice/oneshot/mask_activations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>
#include <sstream>

#include "support/errors.h"
#include "support/script_models.h"

namespace coppice::mask_activations_test {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::script_net;

torch::Tensor samples(int64_t count = 70) {
  torch::manual_seed(5);
  return torch::randn({count, 6});
}

MaskActivationsOptions options_of(std::vector<std::string> layers) {
  MaskActivationsOptions options;
  options.layers = std::move(layers);
  return options;
}

/// The input of the second layer of `script_net`.
torch::Tensor hidden(torch::jit::Module net, const torch::Tensor& x) {
  return torch::relu(net.attr("fc1").toModule().forward({x}).toTensor());
}

TEST(MaskActivations, MasksWhatIsSmallestOnTheSamples) {
  const auto net = script_net();
  const auto x = samples();
  torch::jit::Module masked;
  const auto rows = mask_activations(net, {x}, options_of({"fc2"}), masked);

  // 70 samples in batches of 32: sums of rows, then the mean over 32 rows.
  const auto h = hidden(net, x);
  const auto gathered = h.sum(0) / 32;
  const auto order = gathered.abs().argsort();
  auto mask = torch::ones({8});
  mask.index_fill_(0, order.slice(0, 0, 4), 0);

  const auto right = torch::linear(
      h * mask, net.attr("fc2").toModule().attr("weight").toTensor());
  EXPECT_TRUE(masked.forward({x}).toTensor().allclose(right));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].layer, "fc2");
  EXPECT_THAT(rows[0].shape, ElementsAre(8));
  EXPECT_THAT(
      rows[0].zeros_before,
      DoubleNear(h.eq(0).to(torch::kDouble).mean().item<double>(), 1e-12));
  EXPECT_EQ(rows[0].masked, 0.5);
  EXPECT_THAT(
      rows[0].energy_kept,
      DoubleNear(
          ((h * mask).square().sum() / h.square().sum()).item<double>(), 1e-6));
}

TEST(MaskActivations, LeavesTheModelAsItWas) {
  auto net = script_net();
  net.train();
  const auto before = net.forward({samples()}).toTensor();
  torch::jit::Module masked;
  mask_activations(net, {samples()}, options_of({"*"}), masked);
  EXPECT_TRUE(net.forward({samples()}).toTensor().equal(before));
  EXPECT_TRUE(net.is_training());
  EXPECT_TRUE(masked.is_training());
}

TEST(MaskActivations, MasksSingleFeatures) {
  auto options = options_of({"fc2"});
  options.features = {1, 5};
  options.feature_dim = 1;
  options.sparsity_level = 1;
  torch::jit::Module masked;
  const auto rows =
      mask_activations(script_net(), {samples()}, options, masked);
  EXPECT_EQ(rows[0].masked, 0.25);
  auto h = hidden(script_net(), samples());
  h.index_fill_(1, torch::tensor({1, 5}), 0);
  const auto weight = script_net().attr("fc2").toModule().attr("weight");
  EXPECT_TRUE(masked.forward({samples()})
                  .toTensor()
                  .allclose(torch::linear(h, weight.toTensor())));
}

TEST(MaskActivations, SavesAsAnOrdinaryGraphOrWithSites) {
  for (const bool sites : {false, true}) {
    auto options = options_of({"fc1", "fc2"});
    options.sites = sites;
    torch::jit::Module masked;
    mask_activations(script_net(), {samples()}, options, masked);
    std::stringstream file;
    masked.save(file);
    EXPECT_EQ(file.str().find("ActivationSite") != std::string::npos, sites);
    auto loaded = torch::jit::load(file);
    EXPECT_TRUE(loaded.forward({samples()})
                    .toTensor()
                    .equal(masked.forward({samples()}).toTensor()));
  }
}

TEST(MaskActivations, TellsOfItsProgress) {
  auto options = options_of({"fc1"});
  options.batch = 30;
  std::vector<int64_t> done;
  options.progress = [&](int64_t now, int64_t) { done.push_back(now); };
  torch::jit::Module masked;
  mask_activations(script_net(), {samples()}, options, masked);
  EXPECT_THAT(done, ElementsAre(30, 60, 70));
}

/// A model with a layer that never runs, one that takes indices, and an input
/// that is a number.
torch::jit::Module odd_net() {
  torch::jit::Module table("Table");
  table.register_parameter("weight", torch::randn({4, 6}), false);
  table.define(
      "def forward(self, i):\n  return torch.embedding(self.weight, i)"
      "\n");
  torch::jit::Module net("Odd");
  net.register_module("table", table);
  net.register_module("fc", testing::script_linear(torch::randn({2, 6})));
  net.register_module("rare", testing::script_linear(torch::randn({2, 6})));
  net.define(R"(
    def forward(self, i, mode: int):
      x = self.table.forward(i)
      if mode == 7:
        return self.rare.forward(x)
      return self.fc.forward(x)
  )");
  return net;
}

TEST(MaskActivations, LeavesLayersThatAGlobChoseAndThatCannotBeMasked) {
  const auto indices = torch::arange(12).remainder(4);
  torch::jit::Module masked;
  const auto rows = mask_activations(
      odd_net(), {indices, 1}, options_of({"t*", "f*", "r*"}), masked);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_THAT(rows[0].left_because, HasSubstr("not a floating tensor"));
  EXPECT_EQ(rows[1].left_because, "");
  EXPECT_THAT(rows[2].left_because, HasSubstr("never ran"));
}

TEST(MaskActivations, TakesInputsWithMinusInfinityAndOfAnyStructure) {
  torch::jit::Module net("Masked");
  net.register_module("fc", testing::script_linear(torch::ones({2, 6})));
  net.define(R"(
    def forward(self, inputs: Tuple[Tensor, Tensor], scale: float):
      x, mask = inputs
      return self.fc.forward(torch.softmax(x * scale + mask, 1))
  )");
  auto mask = torch::zeros({70, 6});
  mask.index_fill_(1, torch::tensor({0, 5}), -INFINITY);
  torch::jit::Module masked;
  const auto rows = mask_activations(
      net,
      {c10::ivalue::Tuple::create(samples(), mask), 2.0},
      options_of({"fc"}),
      masked);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_NEAR(rows[0].zeros_before, 2. / 6, 1e-12);
}

TEST(MaskActivations, RefusesNamedLayersThatCannotBeMasked) {
  const auto run = [](std::vector<std::string> layers) {
    return message_of([&] {
      torch::jit::Module masked;
      mask_activations(
          odd_net(),
          {torch::arange(4), 1},
          options_of(std::move(layers)),
          masked);
    });
  };
  EXPECT_THAT(run({"table"}), HasSubstr("`table` cannot be masked"));
  EXPECT_THAT(
      run({"rare"}), HasSubstr("`rare` cannot be masked: it never ran"));
  EXPECT_THAT(run({"fcc"}), HasSubstr("`fc`"));
}

TEST(MaskActivations, SaysWhatIsWrongWithTheInputs) {
  const auto run = [](std::vector<c10::IValue> inputs,
                      MaskActivationsOptions options = options_of({"fc1"})) {
    return message_of([&] {
      torch::jit::Module masked;
      mask_activations(script_net(), inputs, options, masked);
    });
  };
  EXPECT_THAT(
      run({}), HasSubstr("takes 1 input (`x`) and got 0: `x` is missing"));
  EXPECT_THAT(run({samples(), samples()}), HasSubstr("got 2"));
  EXPECT_THAT(run({7}), HasSubstr("input `x` of the model is"));
  EXPECT_THAT(run({torch::ones({0, 6})}), HasSubstr("no samples"));
  EXPECT_THAT(
      run({torch::tensor(1.0)}), HasSubstr("no input has a sample dimension"));
  const auto wrong_shape = run({torch::ones({4, 5})});
  EXPECT_THAT(wrong_shape, HasSubstr("on samples 0 to 3"));
  EXPECT_THAT(wrong_shape, HasSubstr("shapes cannot be multiplied"));
  EXPECT_EQ(wrong_shape.find('\n'), std::string::npos);
  auto bad = samples();
  bad[3][1] = NAN;
  EXPECT_THAT(run({bad}), HasSubstr("NaN or infinity in sample 3"));
  auto options = options_of({"fc1"});
  options.batch = 0;
  EXPECT_THAT(run({samples()}, options), HasSubstr("batch of 1 or more"));
  options = options_of({"fc1"});
  options.features = {1};
  EXPECT_THAT(run({samples()}, options), HasSubstr("need `feature_dim`"));
  options.feature_dim = 0;
  EXPECT_THAT(run({samples()}, options), HasSubstr("holds the samples"));
  options.feature_dim = 1;
  options.features = {6};
  EXPECT_THAT(run({samples()}, options), HasSubstr("6"));
  options = options_of({"fc1"});
  options.aggregate = "summ";
  EXPECT_THAT(run({samples()}, options), HasSubstr("sum"));
}

} // namespace
} // namespace coppice::mask_activations_test
