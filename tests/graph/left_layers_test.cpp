#include "graph/left_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coppice::left_layers_test {
namespace {

using graph::find_left_layers;
using ::testing::HasSubstr;

struct Weight {
  std::string name;
  torch::Tensor tensor;
};

torch::jit::Module net_of(
    const std::vector<Weight>& weights,
    const std::string& body) {
  torch::jit::Module net("Net");
  for (const auto& each : weights) {
    net.register_parameter(each.name, each.tensor, false);
  }
  net.define("def forward(self, x):\n" + body);
  return net;
}

/// The only other layer of a model with the parameter `weight`.
LeftLayer left_of(const std::vector<Weight>& weights, const std::string& body) {
  const auto left = left_layers(frozen_module(net_of(weights, body)));
  EXPECT_EQ(left.size(), 1U) << body;
  return left.empty() ? LeftLayer() : left.front();
}

TEST(LeftLayers, SaysWhatStaysAndWhy) {
  struct Case {
    std::vector<int64_t> shape;
    const char* call;
    const char* kind;
    const char* why;
  };
  const std::vector<Case> cases{
      {{4, 6, 3},
       "torch.conv_transpose1d(x, self.weight)",
       "conv_transpose1d",
       "transposed"},
      {{4, 6, 3, 3},
       "torch.conv_transpose2d(x, self.weight)",
       "conv_transpose2d",
       "transposed"},
      {{4, 6, 3, 3},
       "torch._convolution(x, self.weight, None, [1, 1], [0, 0], [1, 1], True, "
       "[0, 0], 1, False, False, True, True)",
       "conv_transpose2d",
       "transposed"},
      {{6, 4, 3, 3, 3},
       "torch.conv3d(x, self.weight)",
       "conv3d",
       "three dimensions"},
      {{9, 4}, "torch.embedding(self.weight, x)", "embedding", "looks up rows"},
      {{6, 4, 5},
       "torch.bilinear(x, x, self.weight, None)",
       "bilinear",
       "two inputs"},
      {{4}, "torch.layer_norm(x, [4], self.weight)", "layer_norm", "scales"},
      {{4}, "torch.prelu(x, self.weight)", "prelu", "scales"},
      {{4, 4}, "torch.matmul(self.weight, x)", "linear", "the left operand"},
      {{3, 4, 4}, "torch.bmm(x, self.weight)", "linear", "not a matrix"},
      {{4, 4}, "torch.linear(x, self.weight, x)", "linear", "not constant"},
      {{4, 4}, "x * self.weight", "mul", "not a known layer"},
  };
  for (const auto& each : cases) {
    const auto left = left_of(
        {{"weight", torch::randn(each.shape)}},
        std::string("  return ") + each.call + "\n");
    EXPECT_EQ(left.kind, each.kind);
    EXPECT_THAT(left.why_left, HasSubstr(each.why)) << each.call;
    ASSERT_EQ(left.weights.size(), 1U);
    EXPECT_EQ(left.weights[0].sizes().vec(), each.shape);
  }
}

TEST(LeftLayers, RecurrentOnesHaveSeveralWeights) {
  const auto left = left_of(
      {{"weight_ih", torch::randn({12, 5})},
       {"weight_hh", torch::randn({12, 3})},
       {"bias_ih", torch::randn({12})},
       {"bias_hh", torch::randn({12})}},
      "  h = torch.zeros([1, 2, 3])\n"
      "  return torch.lstm(x, [h, h], [self.weight_ih, self.weight_hh, "
      "self.bias_ih, self.bias_hh], True, 1, 0.0, False, False, False)[0]\n");
  EXPECT_EQ(left.kind, "lstm");
  EXPECT_EQ(left.weights.size(), 4U);
  EXPECT_EQ(left.weights[0].size(1), 5);
}

TEST(LeftLayers, ObjectsThatArePassedOnAreNone) {
  torch::jit::Module net("Net");
  const auto object = c10::make_intrusive<c10::ivalue::Object>(
      c10::StrongTypePtr(
          net._ivalue()->compilation_unit(),
          c10::ClassType::create("Holder", net._ivalue()->compilation_unit())),
      0);
  const c10::IValue holder(object);
  net.register_attribute("holder", holder.type(), holder);
  net.define(
      "def forward(self, x):\n"
      "  held = [self.holder]\n"
      "  self.holder = held[0]\n"
      "  return x + len(held)\n");
  net.eval();
  EXPECT_TRUE(find_left_layers(net).empty());
}

TEST(LeftLayers, KeepTheOrderOfTheModel) {
  const auto left = left_layers(frozen_module(net_of(
      {{"a", torch::randn({4, 4})},
       {"norm", torch::randn({4})},
       {"b", torch::randn({4, 4})}},
      "  x = torch.layer_norm(torch.linear(x, self.a), [4], self.norm)\n"
      "  return torch.linear(x, self.b)\n")));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].layer_fqn, "norm");
  EXPECT_EQ(left[0].place, 1U);
}

} // namespace
} // namespace coppice::left_layers_test
