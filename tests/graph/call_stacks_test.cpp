#include "graph/call_stacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/runtime/graph_iterator.h>
#include <torch/script.h>

#include "coppice/graph/activation_sites.h"
#include "graph/run_script.h"
#include "graph/weight_ops.h"
#include "support/errors.h"

namespace coppice::graph::call_stacks_test {
namespace {

using ::testing::HasSubstr;
using torch::jit::Module;

/// Fails on a large index within methods that freezing deletes: a submodule's
/// `get`, called by a helper of the model in a loop.
Module net_of_helpers() {
  Module table("Table");
  table.register_buffer("rows", torch::randn({4, 6}));
  table.define("def get(self, ids):\n  return self.rows[ids]\n");
  Module net("Net");
  net.register_module("table", table);
  net.register_parameter("weight", torch::randn({5, 6}), false);
  net.define(
      "def helper(self, ids):\n"
      "  return self.table.get(ids)\n"
      "def forward(self, ids):\n"
      "  y = self.helper(ids)\n"
      "  for i in range(ids.size(0)):\n"
      "    y = y + self.helper(ids)\n"
      "  return torch.linear(y, self.weight)\n");
  return net;
}

/// The functions that nodes were inlined from, at most one per node.
size_t deepest_stack(const Module& module) {
  size_t deepest = 0;
  auto graph = module.get_method("forward").graph();
  torch::jit::DepthFirstGraphNodeIterator nodes(graph);
  for (auto* node = nodes.next(); node != nullptr; node = nodes.next()) {
    if (node->callstack()) {
      const auto stack = (*node->callstack())->vec();
      deepest = std::max(deepest, stack.size());
      EXPECT_EQ(std::get<0>(stack.front())->name(), "forward");
    }
  }
  return deepest;
}

void expect_plain_error(Module module) {
  const auto large = torch::tensor({1, 9});
  for (int run = 0; run < 4; ++run) { // Later runs use an optimized graph.
    EXPECT_THAT(
        testing::message_of([&] { run_script(module, {large}); }),
        HasSubstr("index 9 is out of bounds"));
  }
}

TEST(CallStacks, OfAFrozenModuleNameNoFunctionThatIsGone) {
  const auto frozen = frozen_module(net_of_helpers());
  EXPECT_EQ(deepest_stack(frozen), 1U);
  expect_plain_error(frozen);
}

TEST(CallStacks, OfWhatIsMadeOfItNeither) {
  std::vector<c10::intrusive_ptr<ActivationSite>> sites;
  const auto observed =
      with_observed_weight_ops(frozen_module(net_of_helpers()), sites);
  EXPECT_EQ(deepest_stack(observed), 1U);
  expect_plain_error(observed);
  const auto replaced =
      with_replaced_weight_ops(frozen_module(net_of_helpers()), {});
  EXPECT_EQ(deepest_stack(replaced), 1U);
  expect_plain_error(replaced);
}

TEST(CallStacks, OfACopyWithSitesOfAFrozenModuleNeither) {
  auto net = net_of_helpers();
  net.eval();
  const auto frozen = torch::jit::freeze_module(net);
  const auto with_sites = with_activation_sites(frozen, {""});
  EXPECT_EQ(deepest_stack(with_sites), 1U);
  expect_plain_error(with_sites);
}

} // namespace
} // namespace coppice::graph::call_stacks_test
