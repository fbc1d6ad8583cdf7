#include "graph/explicit_padding.h"

#include <gtest/gtest.h>

#include "graph/weight_ops.h"

namespace coppice::explicit_padding_test {
namespace {

torch::jit::Module net_of(
    const torch::Tensor& weight,
    const std::string& call) {
  torch::jit::Module net("Net");
  net.register_parameter("weight", weight, false);
  net.define("def forward(self, x):\n  return " + call + "\n");
  return net;
}

TEST(ExplicitPadding, ComputesWhatTheWordsDo) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  for (const char* word : {"same", "valid"}) {
    for (const std::vector<int64_t>& kernel :
         {std::vector<int64_t>{5, 5}, {3, 1}, {4, 3}, {2, 6}}) {
      for (const std::string dilation : {"1", "2", "[3, 2]"}) {
        const auto net = net_of(
            torch::randn({6, 4, kernel[0], kernel[1]}),
            std::string("torch.conv2d(x, self.weight, None, 1, '") + word +
                "', " + dilation + ")");
        auto frozen = frozen_module(net);
        ASSERT_EQ(weight_ops(frozen).size(), 1U);
        const auto x = torch::randn({2, 4, 19, 17});
        auto original = net;
        const auto right = original.forward({x}).toTensor();
        EXPECT_TRUE(frozen.forward({x}).toTensor().allclose(right, 1e-4, 1e-5));
        EXPECT_TRUE(
            frozen.forward({x[0]}).toTensor().allclose(right[0], 1e-4, 1e-5));
      }
    }
  }
}

TEST(ExplicitPadding, AlsoOverOneDimension) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(1);
  for (const int64_t kernel : {1, 3, 4, 6}) {
    const auto net = net_of(
        torch::randn({6, 2, kernel}),
        "torch.relu(torch.conv1d(x, self.weight, None, 1, 'same', 3, 2))");
    auto frozen = frozen_module(net);
    const auto ops = weight_ops(frozen);
    ASSERT_EQ(ops.size(), 1U);
    EXPECT_EQ(ops[0].groups, 2);
    const auto x = torch::randn({2, 4, 30});
    auto original = net;
    EXPECT_TRUE(frozen.forward({x}).toTensor().allclose(
        original.forward({x}).toTensor(), 1e-4, 1e-5));
  }
}

} // namespace
} // namespace coppice::explicit_padding_test
