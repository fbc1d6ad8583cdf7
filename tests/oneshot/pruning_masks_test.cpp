#include "oneshot/pruning_masks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include "coppice/io/safetensors.h"
#include "coppice/masks/measure.h"
#include "coppice/masks/weight_norm.h"
#include "coppice/model/torch_tensors.h"
#include "coppice/oneshot/prune_checkpoint.h"
#include "support/temporary_folder.h"

namespace coppice::pruning_masks_test {
namespace {

class PruningMasks : public ::testing::TestWithParam<Scope> {
 protected:
  PruningMasks() {
    torch::manual_seed(3);
    weight_ = torch::randn({16, 12});
    mask_ = torch::rand({16, 12}).gt(0.6);
  }

  /// Prunes; returns the effective weight and the mask afterwards.
  std::pair<torch::Tensor, torch::Tensor> pruned(
      const std::string& weight,
      const std::string& mask,
      const torch::Tensor& mask_values,
      double level,
      PruneReport& report) {
    StateDict state;
    state.tensors = {as_stored(weight, weight_), as_stored(mask, mask_values)};
    save_safetensors(folder_.file("in"), state);
    PruneModifier modifier;
    modifier.pattern = {level, {1, 1}, 1};
    modifier.scope = GetParam();
    report = prune_checkpoint(
        open_checkpoint(folder_.file("in")), {modifier}, folder_.file("out"));
    const auto out = open_checkpoint(folder_.file("out")).state;
    const auto after = as_tensor(*out.find(mask)).clone();
    return {as_tensor(*out.find(weight)) * after.to(torch::kFloat), after};
  }

  torch::Tensor weight_;
  torch::Tensor mask_;
  TemporaryFolder folder_;
};

TEST_P(PruningMasks, WhatTheyDropIsZeroAlready) {
  const std::vector<std::pair<std::string, std::string>> names{
      {"fc.weight_orig", "fc.weight_mask"},
      {"parametrizations.weight.original", "parametrizations.weight.0.mask"},
      {"fc.parametrizations.weight.original",
       "fc.parametrizations.weight.1.mask"}};
  for (const auto& [weight, mask] : names) {
    for (const bool is_bool : {true, false}) {
      PruneReport report;
      const auto [effective, after] = pruned(
          weight,
          mask,
          is_bool ? mask_ : mask_.to(torch::kFloat),
          0.75,
          report);
      EXPECT_TRUE(after.to(torch::kBool).equal(mask_)) << weight;
      EXPECT_EQ(count_zeros(effective), 144) << weight;
      const auto masked = weight_ * mask_;
      const auto expected =
          masked * weight_norm_mask(masked, {0.75, {1, 1}, 1});
      EXPECT_TRUE(effective.equal(expected)) << weight;
      const auto& row = report.tensors[0].name == weight ? report.tensors[0]
                                                         : report.tensors[1];
      EXPECT_EQ(row.zeros_after, 144);
      EXPECT_EQ(row.zeros_before, count_zeros(masked));
    }
  }
}

TEST_P(PruningMasks, LowerLevelsThanTheMasksChangeNothingThatCounts) {
  PruneReport report;
  const auto [effective, mask] =
      pruned("fc.weight_orig", "fc.weight_mask", mask_, 0.25, report);
  EXPECT_TRUE(effective.equal(weight_ * mask_));
  EXPECT_TRUE(report.reached);
}

INSTANTIATE_TEST_SUITE_P(
    Scopes,
    PruningMasks,
    ::testing::Values(Scope::Tensor, Scope::Global));

} // namespace
} // namespace coppice::pruning_masks_test
