#include "oneshot/allocate_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "coppice/schedule/allocation.h"
#include "oneshot/prune_with_samples.h"
#include "support/errors.h"
#include "support/script_models.h"
#include "support/temporary_folder.h"

namespace coppice::allocate_targets_test {
namespace {

using namespace coppice::oneshot; // NOLINT(google-build-using-namespace)
using coppice::testing::message_of;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class AllocateTargets : public ::testing::Test {
 protected:
  AllocateTargets() {
    options_.batch = 16;
    options_.dry_run = true;
    rule_.method = PruneMethod::SparseGPT;
    rule_.pattern = {0.6, {1, 1}, 1};
  }

  SampledReport prune(const torch::Tensor& x, const Recipe& recipe) {
    const auto checkpoint = open_checkpoint(in_);
    return prune_with_samples(
        checkpoint,
        [this] { return torch::jit::load(in_); },
        {x},
        recipe,
        "",
        options_);
  }

  static std::vector<double> levels_in(const SampledReport& report) {
    std::vector<double> levels;
    for (const auto& tensor : report.pruned.tensors) {
      if (tensor.left_because.empty()) {
        levels.push_back(tensor.pattern.sparsity_level);
      }
    }
    return levels;
  }

  static double zeros_in(const SampledReport& report) {
    double zeros = 0;
    double all = 0;
    for (const auto& tensor : report.pruned.tensors) {
      if (tensor.left_because.empty()) {
        zeros += static_cast<double>(tensor.zeros_after);
        all += static_cast<double>(tensor.elements);
      }
    }
    return zeros / all;
  }

  TemporaryFolder folder_;
  std::string in_ = folder_.file("in.pt");
  SampledOptions options_;
  PruneModifier rule_;
};

TEST_F(AllocateTargets, GivesLayersTheLevelsOfErkInAnyOrderOfSolving) {
  testing::script_net().save(in_);
  const auto x = torch::randn({64, 6});
  rule_.allocation = Allocation::ERK;
  const auto wanted = erk_levels({{8, 6}, {3, 8}}, 0.6);
  for (const bool sequential : {false, true}) {
    options_.sequential = sequential;
    const auto report = prune(x, {rule_});
    EXPECT_THAT(levels_in(report), ElementsAre(wanted[0], wanted[1]));
    EXPECT_TRUE(report.pruned.reached);
    // A weight of each layer may be lost by rounding.
    EXPECT_NEAR(zeros_in(report), 0.6, 2.0 / 72);
  }
}

TEST_F(AllocateTargets, CountsOutliersByWhatEntersLayers) {
  testing::script_net().save(in_);
  auto x = torch::ones({64, 6});
  x.select(1, 2).fill_(1000);
  rule_.allocation = Allocation::OWL;
  rule_.owl = {3, 0.1};
  const auto report = prune(x, {rule_});
  const auto levels = levels_in(report);
  EXPECT_LT(levels[0], levels[1]); // Every weight of that input is one.
  EXPECT_NEAR(levels[1] - levels[0], 0.2, 1e-9);
  EXPECT_NEAR((48 * levels[0] + 24 * levels[1]) / 72, 0.6, 1e-9);
  EXPECT_EQ(report.work.passes, 2);
}

TEST_F(AllocateTargets, CountsOutliersOfConvolutionsInGroups) {
  torch::jit::Module net("Net");
  net.register_parameter("a", torch::ones({4, 2, 3, 3}), false);
  net.register_parameter("b", torch::ones({6, 4, 1, 1}), false);
  net.define(R"(
def forward(self, x):
  y = torch.conv2d(x, self.a, None, [1], [1], [1], 2)
  return torch.conv2d(y, self.b)
)");
  net.save(in_);
  auto x = torch::ones({16, 4, 5, 5});
  x.select(1, 3).fill_(100); // The second input of the second group.
  rule_.targets = {"a", "b"};
  rule_.allocation = Allocation::OWL;
  rule_.owl = {1.5, 0.1};
  const auto levels = levels_in(prune(x, {rule_}));
  EXPECT_EQ(levels.size(), 2);
  EXPECT_NEAR((72 * levels[0] + 24 * levels[1]) / 96, 0.6, 1e-9);
  // A quarter of the weights are outliers here, half of them there.
  EXPECT_NEAR(levels[0] - levels[1], 0.2, 1e-9);
}

TEST_F(AllocateTargets, GoesByEachRuleAlone) {
  testing::script_net().save(in_);
  auto other = rule_;
  rule_.targets = {"fc1"};
  rule_.allocation = Allocation::ERK;
  other.targets = {"fc2"};
  other.pattern = {1, {1, 4}, 2};
  const auto report = prune(torch::randn({64, 6}), {rule_, other});
  EXPECT_THAT(levels_in(report), ElementsAre(DoubleNear(0.6, 1e-9), 1));
}

TEST_F(AllocateTargets, TakesMeasuredCosts) {
  testing::script_net().save(in_);
  calibration::OutputChange cheap;
  calibration::OutputChange dear;
  dear.relative_error = 1;
  options_.measured = Sensitivity{
      {0.9}, {{"fc2.weight", {3, 8}, {dear}}, {"fc1.weight", {8, 6}, {cheap}}}};
  rule_.allocation = Allocation::Measured;
  const auto levels = levels_in(prune(torch::randn({64, 6}), {rule_}));
  EXPECT_NEAR(levels[0], 0.9, 1e-9);
  EXPECT_NEAR(levels[1], 0, 1e-9);
  options_.measured->layers.pop_back();
  EXPECT_THAT(
      message_of([&] {
        prune(torch::randn({64, 6}), {rule_});
      }),
      HasSubstr("no layer `fc1.weight`"));
}

TEST_F(AllocateTargets, SaysBeforeAnyWorkWhatCannotBeAllocated) {
  testing::script_net().save(in_);
  rule_.allocation = Allocation::OWL;
  rule_.pattern = {1, {1, 4}, 2};
  EXPECT_THAT(
      message_of([&] {
        prune(torch::randn({64, 6}), {rule_});
      }),
      HasSubstr("has one level"));
  EXPECT_THAT(
      message_of([&] {
        auto rule = rule_;
        rule.method = PruneMethod::Magnitude;
        prune_checkpoint(open_checkpoint(in_), {rule}, folder_.file("out"));
      }),
      HasSubstr("--calibration"));
}

} // namespace
} // namespace coppice::allocate_targets_test
