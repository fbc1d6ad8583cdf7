#include "graph/site_readers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "coppice/graph/activation_sites.h"
#include "support/errors.h"
#include "support/script_models.h"

namespace coppice::site_readers_test {
namespace {

using graph::SiteReaders;
using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;
using torch::jit::Module;

Module one_layer(const Tensor& weight, const std::string& forward) {
  Module layer("Layer");
  layer.register_parameter("weight", weight, false);
  layer.define("def forward(self, x: Tensor):\n  return " + forward + "\n");
  return with_activation_sites(layer);
}

graph::WeightedCall
call_of(const Tensor& weight, const std::string& forward, const Tensor& x) {
  const auto readers = SiteReaders(one_layer(weight, forward)).of(weight);
  EXPECT_EQ(readers.size(), 1U);
  const auto calls = readers.at(0).calls(x);
  EXPECT_EQ(calls.size(), 1U);
  return calls.at(0);
}

TEST(SiteReaders, TellHowALayerReadsWhatPassesItsSite) {
  const auto weight = torch::randn({3, 5});
  const auto x = torch::randn({2, 5});
  auto call = call_of(weight, "torch.linear(x, self.weight)", x);
  EXPECT_TRUE(call.input.equal(x));
  EXPECT_TRUE(call.weight.equal(weight));
  call = call_of(weight.t().contiguous(), "torch.matmul(x, self.weight)", x);
  EXPECT_EQ(call.weight.sizes(), weight.sizes());
  EXPECT_TRUE(call.weight.equal(weight));
  call = call_of(weight, "torch.matmul(self.weight, x)", x.t());
  EXPECT_TRUE(call.input.equal(x));
  call = call_of(weight, "torch.mv(self.weight, x)", x[0]);
  EXPECT_TRUE(call.weight.equal(weight));
}

TEST(SiteReaders, TellTheStepsOfConvolutions) {
  const auto kernel = torch::randn({4, 3, 5});
  const auto call = call_of(
      kernel,
      "torch.conv1d(x, self.weight, None, [2], [1], [3], 2)",
      torch::randn({2, 6, 20}));
  EXPECT_TRUE(call.is_conv);
  EXPECT_EQ(call.groups, 2);
  EXPECT_EQ(call.steps.stride[1], 2);
  EXPECT_EQ(call.steps.padding[1], 1);
  EXPECT_EQ(call.steps.dilation[1], 3);
  EXPECT_EQ(call.input.sizes(), torch::IntArrayRef({2, 6, 1, 20}));
}

TEST(SiteReaders, CountOpsOfBranchesOnce) {
  const auto weight = torch::randn({3, 5});
  const auto readers =
      SiteReaders(one_layer(
                      weight,
                      "torch.linear(x, self.weight) if x.dim() == 2 else "
                      "torch.matmul(x, self.weight.t())"))
          .of(weight);
  EXPECT_EQ(readers.size(), 1U);
}

TEST(SiteReaders, FindLayersBelow) {
  const auto net = with_activation_sites(testing::script_net(), {"fc*"});
  const SiteReaders readers(net);
  const auto layers = activation_layers(net);
  for (const char* name : {"fc1", "fc2"}) {
    const auto weight = net.attr(name).toModule().attr("weight").toTensor();
    const auto found = readers.of(weight);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].site->layer_fqn(), name);
    EXPECT_EQ(found[0].example().at(0).weight.sizes(), weight.sizes());
  }
}

TEST(SiteReaders, SayWhatTheyCannotTell) {
  const auto refused = [](const Tensor& weight, const std::string& forward) {
    return message_of(
        [&] { SiteReaders(one_layer(weight, forward)).of(weight); });
  };
  const auto weight = torch::randn({3, 5});
  EXPECT_THAT(
      refused(weight, "torch.linear(torch.relu(x), self.weight)"),
      HasSubstr("what enters its `linear` does not come straight"));
  EXPECT_THAT(
      refused(weight, "torch.linear(x, self.weight * 2)"),
      HasSubstr("no op of the model takes it as its weight"));
  EXPECT_THAT(
      refused(weight, "torch.layer_norm(x, [3, 5], self.weight)"),
      HasSubstr("the inputs of `layer_norm`"));
  EXPECT_THAT(
      refused(
          torch::randn({3, 2, 5}), "torch.conv_transpose1d(x, self.weight)"),
      HasSubstr("`conv_transpose1d` takes it in a way"));
  const auto square = torch::randn({5, 5});
  EXPECT_THAT(
      refused(
          square,
          "torch.linear(x, self.weight) if x.dim() == 1 else "
          "torch.matmul(x, self.weight)"),
      HasSubstr("in different ways"));
  // Not of an input that is cast to the type of the weight.
  const auto cast =
      one_layer(weight, "torch.linear(x.type_as(self.weight), self.weight)");
  EXPECT_THAT(
      message_of([&] { SiteReaders(cast).of(weight); }),
      HasSubstr("does not come straight"));
}

} // namespace
} // namespace coppice::site_readers_test
