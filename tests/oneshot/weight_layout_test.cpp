#include "oneshot/weight_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "coppice/io/safetensors.h"
#include "coppice/masks/measure.h"
#include "coppice/masks/weight_norm.h"
#include "coppice/model/torch_tensors.h"
#include "coppice/oneshot/prune_checkpoint.h"
#include "support/temporary_folder.h"

namespace coppice::weight_layout_test {
namespace {

using ::testing::HasSubstr;

class WeightLayoutTest : public ::testing::TestWithParam<Scope> {
 protected:
  PruneReport prune(PruneModifier modifier) {
    modifier.scope = GetParam();
    return prune_checkpoint(
        open_checkpoint(folder_.file("in")), {modifier}, folder_.file("out"));
  }

  void save(const std::vector<std::pair<std::string, torch::Tensor>>& named) {
    StateDict state;
    for (const auto& [name, tensor] : named) {
      state.tensors.push_back(as_stored(name, tensor));
    }
    save_safetensors(folder_.file("in"), state);
  }

  torch::Tensor pruned(const std::string& name) const {
    return as_tensor(*open_checkpoint(folder_.file("out")).state.find(name))
        .clone();
  }

  TemporaryFolder folder_;
};

const std::string kAttention = "transformer.h.0.attn.c_attn.weight";

TEST_P(WeightLayoutTest, TransposedWeightsHavePatternsAlongTheirInputs) {
  const auto weight = torch::randn({16, 48});
  save({{kAttention, weight}, {"fc.weight", torch::randn({16, 48})}});
  PruneModifier modifier;
  modifier.transposed = {"*.c_attn"};
  for (const WeightNormPattern& pattern :
       {WeightNormPattern{1, {1, 4}, 2}, {0.5, {1, 4}, 4}, {0.5, {4, 2}, 8}}) {
    modifier.pattern = pattern;
    const auto report = prune(modifier);
    EXPECT_TRUE(report.reached);
    if (GetParam() == Scope::Tensor || pattern.sparsity_level == 1) {
      const auto expected =
          weight.t() * weight_norm_mask(weight.t().contiguous(), pattern);
      EXPECT_TRUE(pruned(kAttention).t().equal(expected));
    }
  }
  modifier.pattern = {1, {1, 4}, 2};
  EXPECT_THAT(prune(modifier).tensors[1].note, HasSubstr("[in, out]"));
  EXPECT_EQ(nm_conformity(pruned("fc.weight"), {2, 4}), 1);
}

TEST_P(WeightLayoutTest, SaysWhereAPatternRunsAlongOutputs) {
  const auto note = [&](const std::string& name) {
    PruneModifier modifier;
    modifier.pattern = {1, {1, 4}, 2};
    for (const auto& tensor : prune(modifier).tensors) {
      if (tensor.name == name) {
        return tensor.note;
      }
    }
    return std::string("none");
  };
  save({{kAttention, torch::randn({16, 48})}});
  EXPECT_THAT(note(kAttention), HasSubstr("along outputs"));
  // Linear layers of the same names, [out, in].
  save({{kAttention, torch::randn({48, 16})}});
  EXPECT_EQ(note(kAttention), "");
  // A bias has one value per output.
  save({{"a.weight", torch::randn({8, 12})}, {"a.bias", torch::randn({12})}});
  EXPECT_THAT(note("a.weight"), HasSubstr("along outputs"));
  save({{"a.weight", torch::randn({8, 12})}, {"a.bias", torch::randn({8})}});
  EXPECT_EQ(note("a.weight"), "");
}

TEST_P(WeightLayoutTest, GoesByTheOpsOfAnArchive) {
  torch::jit::Module net("Net");
  net.register_parameter("w", torch::randn({8, 12}), false);
  net.register_parameter("t", torch::randn({8, 4, 4}), false);
  net.register_parameter("e", torch::randn({3, 8, 12}), false);
  net.register_parameter("f", torch::randn({12, 8}), false);
  net.define(
      "def forward(self, x):\n"
      "  a = torch.matmul(x, self.w)\n"
      "  b = torch.conv_transpose1d(x, self.t)\n"
      "  c = torch.bmm(x, self.e)\n"
      "  return a, b, c, torch.linear(x, self.f)\n");
  net.save(folder_.file("in"));
  PruneModifier modifier;
  modifier.pattern = {1, {1, 4}, 2};
  const auto report = prune(modifier);
  EXPECT_TRUE(report.from_graph);
  EXPECT_EQ(nm_conformity(pruned("w").t().contiguous(), {2, 4}), 1);
  EXPECT_EQ(
      nm_conformity(
          pruned("t").transpose(0, 1).reshape({4, 32}).contiguous(), {2, 4}),
      1);
  EXPECT_EQ(
      nm_conformity(
          pruned("e").transpose(1, 2).reshape({36, 8}).contiguous(), {2, 4}),
      1);
  EXPECT_EQ(nm_conformity(pruned("f"), {2, 4}), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Scopes,
    WeightLayoutTest,
    ::testing::Values(Scope::Tensor, Scope::Global));

} // namespace
} // namespace coppice::weight_layout_test
