#include "oneshot/script_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "coppice/oneshot/prune_checkpoint.h"
#include "support/temporary_folder.h"

namespace coppice::script_evidence_test {
namespace {

using ::testing::HasSubstr;

class ScriptEvidence : public ::testing::Test {
 protected:
  ScriptEvidence() : net_("Net") {
    net_.register_parameter("scale", torch::randn({8, 8}), false);
    net_.register_parameter("gamma", torch::randn({8, 8}), false);
    net_.register_parameter("w", torch::randn({8, 8}), false);
    net_.register_buffer("std", torch::rand({8, 8}) + 1);
    net_.register_buffer("filter", torch::rand({8, 8}));
  }

  PruneReport prune(const std::vector<std::string>& targets = {}) {
    net_.save(folder_.file("in"));
    PruneModifier modifier;
    modifier.pattern = {0.5, {1, 1}, 1};
    modifier.targets = targets;
    return prune_checkpoint(
        open_checkpoint(folder_.file("in")), {modifier}, folder_.file("out"));
  }

  static std::string why_left(
      const PruneReport& report,
      const std::string& name) {
    for (const auto& tensor : report.tensors) {
      if (tensor.name == name) {
        return tensor.left_because;
      }
    }
    return "is not there";
  }

  torch::jit::Module net_;
  TemporaryFolder folder_;
};

const std::string kForward =
    "def forward(self, x):\n"
    "  x = torch.matmul(x / self.std * self.gamma, self.scale)\n"
    "  return torch.linear(torch.matmul(x, self.filter), self.w)\n";

TEST_F(ScriptEvidence, OpsDecideWhateverTheNames) {
  net_.define(kForward);
  const auto report = prune();
  EXPECT_TRUE(report.from_graph);
  EXPECT_EQ(report.not_from_graph_because, "");
  EXPECT_EQ(why_left(report, "scale"), "");
  EXPECT_EQ(why_left(report, "w"), "");
  EXPECT_EQ(why_left(report, "gamma"), "no op multiplies by it");
  EXPECT_EQ(why_left(report, "std"), "a buffer of its module");
  EXPECT_EQ(why_left(report, "filter"), "a fixed filter");
}

TEST_F(ScriptEvidence, ClassWordsGoByTheOp) {
  net_.register_parameter("c", torch::randn({4, 8}), false);
  net_.define(
      "def forward(self, x):\n"
      "  y = torch.embedding(self.c, x)\n"
      "  return torch.conv1d(y, self.w.unsqueeze(2)), self.scale\n");
  EXPECT_EQ(why_left(prune({"Conv1d"}), "w"), "");
  EXPECT_EQ(why_left(prune({"Conv1d", "scale"}), "c"), "not a target");
}

TEST_F(ScriptEvidence, NamesAndBuffersDecideWhereLoadingWouldRunCode) {
  net_.register_attribute("training", c10::BoolType::get(), false);
  net_.define(kForward);
  net_.define(
      "def __getstate__(self):\n"
      "  return self.scale\n"
      "def __setstate__(self, state: Tensor) -> None:\n"
      "  self.scale = state\n");
  torch::jit::Module outer("Outer");
  outer.register_module("inner", net_);
  outer.register_parameter("w", torch::randn({8, 8}), false);
  outer.register_buffer("table2", torch::randn({8, 8}));
  outer.define("def forward(self, x):\n  return torch.linear(x, self.w)\n");
  outer.save(folder_.file("in"));
  PruneModifier modifier;
  modifier.pattern = {0.5, {1, 1}, 1};
  const auto report = prune_checkpoint(
      open_checkpoint(folder_.file("in")), {modifier}, folder_.file("out"));
  EXPECT_FALSE(report.from_graph);
  EXPECT_THAT(report.not_from_graph_because, HasSubstr("__setstate__"));
  EXPECT_EQ(why_left(report, "w"), "");
  EXPECT_EQ(why_left(report, "table2"), "a buffer of its module");
}

TEST_F(ScriptEvidence, NamesDecideWithoutMethods) {
  const auto report = prune();
  EXPECT_FALSE(report.from_graph);
  EXPECT_EQ(report.not_from_graph_because, "it holds no methods");
  EXPECT_EQ(why_left(report, "w"), "");
  EXPECT_EQ(why_left(report, "scale"), "a scale");
}

} // namespace
} // namespace coppice::script_evidence_test
