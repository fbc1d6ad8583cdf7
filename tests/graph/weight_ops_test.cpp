#include "graph/weight_ops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "coppice/graph/activation_sites.h"
#include "support/errors.h"

namespace coppice::weight_ops_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Not;

torch::jit::Module with_weight(
    const torch::Tensor& weight,
    const torch::Tensor& bias,
    const std::string& forward) {
  torch::jit::Module layer("Layer");
  layer.register_parameter("weight", weight, false);
  layer.register_parameter("bias", bias, false);
  layer.define(forward);
  return layer;
}

torch::jit::Module net_of(const torch::jit::Module& layer) {
  torch::jit::Module net("Net");
  net.register_module("fc", layer);
  net.define(
      "def forward(self, x):\n  return torch.relu(self.fc.forward(x))\n");
  return net;
}

/// Every op for x W^T + b, [5, 4].
const std::vector<std::string> kLinears{
    "def forward(self, x):\n"
    "  return torch.linear(x, self.weight, self.bias)\n",
    "def forward(self, x):\n"
    "  return torch.addmm(self.bias, x, torch.t(self.weight))\n",
    "def forward(self, x):\n"
    "  return torch.matmul(x, self.weight.t()) + self.bias\n",
    "def forward(self, x):\n"
    "  return torch.matmul(x, self.weight.t()).add_(self.bias)\n",
    "def forward(self, x):\n"
    "  return self.bias + torch.mm(x, self.weight.transpose(0, 1))\n",
};

class WeightOps : public ::testing::Test {
 protected:
  WeightOps() {
    torch::manual_seed(1);
  }
  torch::NoGradGuard no_grad_;
  torch::Tensor weight_ = torch::randn({5, 4});
  torch::Tensor bias_ = torch::randn({5});
  torch::Tensor x_ = torch::randn({3, 4});
};

TEST_F(WeightOps, FindsEveryWayToWriteALinearLayer) {
  for (const auto& source : kLinears) {
    auto net = net_of(with_weight(weight_, bias_, source));
    const auto right = net.forward({x_}).toTensor();
    const auto ops = weight_ops(frozen_module(net));
    ASSERT_EQ(ops.size(), 1U) << source;
    EXPECT_EQ(ops[0].layer_fqn, "fc") << source;
    EXPECT_EQ(ops[0].kind, WeightOp::Kind::kLinear);
    EXPECT_TRUE(ops[0].weight.equal(weight_)) << source;
    EXPECT_TRUE(ops[0].bias.equal(bias_)) << source;
    EXPECT_TRUE(ops[0].has_relu);
    EXPECT_TRUE(ops[0].dense(x_).allclose(right));
  }
}

TEST_F(WeightOps, SeesWhatEntersThem) {
  for (const auto& source : kLinears) {
    const auto frozen =
        frozen_module(net_of(with_weight(weight_, bias_, source)));
    std::vector<c10::intrusive_ptr<ActivationSite>> sites;
    auto observed = with_observed_weight_ops(frozen, sites);
    ASSERT_EQ(sites.size(), 1U);
    torch::Tensor seen;
    sites[0]->observe([&](const torch::Tensor& x) { seen = x; });
    observed.forward({x_});
    EXPECT_TRUE(seen.equal(x_));
  }
}

TEST_F(WeightOps, PutsAnotherOpInTheirPlace) {
  // A site with a mask as a stand-in for a packed weight: an object of a
  // registered class.
  for (const auto& source : kLinears) {
    const auto frozen =
        frozen_module(net_of(with_weight(weight_, bias_, source)));
    auto replaced = with_replaced_weight_ops(frozen, {});
    EXPECT_TRUE(replaced.forward({x_}).toTensor().equal(
        frozen.clone().forward({x_}).toTensor()));
    EXPECT_THAT(
        message_of([&] {
          with_replaced_weight_ops(frozen, {{1, "x::y", {}}});
        }),
        HasSubstr("no op 1"));
  }
}

TEST_F(WeightOps, FindsConvolutionsWithBatchNormsFoldedIn) {
  torch::jit::Module net("Net");
  net.register_parameter("weight", torch::randn({6, 4, 3, 3}), false);
  net.register_buffer("mean", torch::randn({6}));
  net.register_buffer("var", torch::rand({6}) + 1);
  net.define(R"(
    def forward(self, x):
      y = torch.conv2d(x, self.weight, None, [2, 1], [1, 0])
      return torch.batch_norm(y, None, None, self.mean, self.var, False, 0.1, 1e-5, False)
  )");
  const auto x = torch::randn({2, 4, 8, 9});
  const auto right = net.forward({x}).toTensor();
  const auto ops = weight_ops(frozen_module(net));
  ASSERT_EQ(ops.size(), 1U);
  EXPECT_EQ(ops[0].kind, WeightOp::Kind::kConv2d);
  EXPECT_THAT(ops[0].stride, ElementsAre(2, 1));
  EXPECT_THAT(ops[0].padding, ElementsAre(1, 0));
  EXPECT_EQ(ops[0].why_dense, "");
}

TEST_F(WeightOps, ConvolutionsOverOneDimensionAreThoseOverTwo) {
  const std::string steps = ", self.bias, [2], [3], [2], 2";
  for (const std::string& convolution : std::vector<std::string>{
           "torch.conv1d(x, self.weight" + steps + ")",
           "torch._convolution(x, self.weight, self.bias, [2], [3], [2], "
           "False, [0], 2, False, False, True, True)"}) {
    const auto net = net_of(with_weight(
        torch::randn({6, 2, 3}),
        torch::randn({6}),
        "def forward(self, x):\n  return " + convolution + "\n"));
    auto frozen = frozen_module(net);
    const auto ops = weight_ops(frozen);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0].kind, WeightOp::Kind::kConv2d);
    EXPECT_EQ(ops[0].layer_fqn, "fc");
    EXPECT_TRUE(ops[0].has_relu);
    EXPECT_THAT(ops[0].weight.sizes(), ElementsAre(6, 2, 1, 3));
    EXPECT_THAT(ops[0].stride, ElementsAre(1, 2));
    EXPECT_THAT(ops[0].padding, ElementsAre(0, 3));
    EXPECT_THAT(ops[0].dilation, ElementsAre(1, 2));
    EXPECT_EQ(ops[0].groups, 2);
    const auto x = torch::randn({3, 4, 17});
    const auto right = torch::jit::Module(net).forward({x}).toTensor();
    EXPECT_TRUE(torch::allclose(frozen.forward({x}).toTensor(), right));
    // An input without a batch dimension.
    EXPECT_TRUE(torch::allclose(frozen.forward({x[0]}).toTensor(), right[0]));
  }
}

TEST_F(WeightOps, TellsWhatElseTakesWeights) {
  torch::jit::Module net("Net");
  net.register_parameter("table", torch::randn({9, 4}), false);
  net.register_parameter("weight", torch::randn({5, 4}), false);
  net.define(
      "def forward(self, x):\n"
      "  return torch.linear(torch.embedding(self.table, x), self.weight)\n");
  EXPECT_THAT(
      other_weight_ops(frozen_module(net)), ElementsAre("aten::embedding"));
}

TEST_F(WeightOps, SaysWhyAnOpStaysDense) {
  torch::jit::Module net("Net");
  net.register_parameter("weight", torch::randn({4, 1, 3, 3}), false);
  net.define(
      "def forward(self, x):\n"
      "  return torch.conv2d(x, self.weight, None, 1, 0, 1, 4)\n");
  const auto ops = weight_ops(frozen_module(net));
  ASSERT_EQ(ops.size(), 1U);
  EXPECT_EQ(ops[0].why_dense, "4 groups");
}

/// `forward` with a mask on the input of the product.
std::string masked(std::string source, const std::string& mask) {
  source.replace(source.find("\n") + 1, 0, "  x = " + mask + "\n");
  return source;
}

/// A frozen layer with such a mask on its input; `mask` is its attribute.
torch::jit::Module frozen_masked(
    const torch::Tensor& weight,
    const torch::Tensor& mask,
    const std::string& source,
    const std::string& how = "x * self.mask.type_as(x).expand_as(x)") {
  auto layer = with_weight(weight, torch::zeros({5}), "");
  layer.register_buffer("mask", mask);
  layer.define(masked(source, how));
  return frozen_module(layer);
}

TEST_F(WeightOps, TakesMasksOfInputsIntoTheWeight) {
  const auto mask = torch::tensor({1, 0, 1, 0}).to(torch::kFloat);
  const auto kept = weight_ * mask;
  for (const auto& source : kLinears) {
    for (const auto& shaped : {mask, mask.unsqueeze(0), mask.gt(0)}) {
      auto frozen = frozen_masked(weight_, shaped, source);
      const auto ops = weight_ops(frozen);
      ASSERT_EQ(ops.size(), 1U) << source;
      EXPECT_TRUE(ops[0].weight.equal(kept)) << source;
      EXPECT_TRUE(torch::allclose(
          frozen.forward({x_}).toTensor(), torch::linear(x_, kept)));
      EXPECT_THAT(
          frozen.get_method("forward").graph()->toString(),
          Not(HasSubstr("aten::mul")));
    }
  }
  // A one-dimensional constant needs no expanding.
  EXPECT_TRUE(
      weight_ops(frozen_masked(weight_, mask, kLinears[0], "self.mask * x"))[0]
          .weight.equal(kept));
}

TEST_F(WeightOps, LeavesOtherFactorsOfInputs) {
  const auto ones = torch::ones({4});
  const std::string plain = "x * self.mask";
  const std::vector<torch::jit::Module> all{
      // Not 0 and 1; one value per row; larger than the activation; a product
      // with other users.
      frozen_masked(weight_, ones * 0.5, kLinears[0]),
      frozen_masked(weight_, torch::ones({3, 1}), kLinears[0]),
      frozen_masked(weight_, ones.unsqueeze(0), kLinears[0], plain),
      frozen_masked(
          torch::randn({4, 4}),
          ones,
          "def forward(self, x):\n"
          "  return torch.linear(x, self.weight) + x\n",
          plain)};
  for (const auto& frozen : all) {
    EXPECT_THAT(
        frozen.get_method("forward").graph()->toString(),
        HasSubstr("aten::mul"));
  }
}

TEST_F(WeightOps, MaskedSitesBecomeZerosOfTheWeight) {
  auto net = net_of(with_weight(weight_, bias_, kLinears[0]));
  const auto sites = with_activation_sites(net, {"fc"});
  ActivationMask mask;
  mask.masks = {torch::tensor({0, 1, 1, 0}).to(torch::kFloat).unsqueeze(0)};
  for (const auto& layer : activation_layers(sites)) {
    if (layer.site) {
      layer.site->mask(mask);
    }
  }
  const auto ops = weight_ops(frozen_module(without_activation_sites(sites)));
  ASSERT_EQ(ops.size(), 1U);
  EXPECT_TRUE(ops[0].weight.equal(weight_ * mask.masks[0]));
}

TEST_F(WeightOps, PassesOverWeightsThatAreNotConstant) {
  torch::jit::Module net("Net");
  net.define("def forward(self, x, w):\n  return torch.linear(x, w)\n");
  EXPECT_TRUE(weight_ops(frozen_module(net)).empty());
}

TEST_F(WeightOps, LeavesTheModelAsItWas) {
  auto net = net_of(with_weight(weight_, bias_, kLinears[0]));
  net.train();
  frozen_module(net);
  EXPECT_TRUE(net.is_training());
  EXPECT_EQ(net.parameters().size(), 2U);
}

TEST_F(WeightOps, SaysThatAModelHasNoForward) {
  torch::jit::Module net("Net");
  EXPECT_THAT(
      message_of([&] { frozen_module(net); }),
      HasSubstr("no method `forward`"));
}

} // namespace
} // namespace coppice::weight_ops_test
