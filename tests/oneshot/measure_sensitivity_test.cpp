#include "oneshot/measure_sensitivity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "calibration/sample_choice.h"
#include "coppice/model/torch_tensors.h"
#include "support/errors.h"
#include "support/script_models.h"
#include "support/temporary_folder.h"

namespace coppice::measure_sensitivity_test {
namespace {

using namespace coppice::oneshot; // NOLINT(google-build-using-namespace)
using coppice::testing::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MeasureSensitivity : public ::testing::Test {
 protected:
  MeasureSensitivity() {
    options_.batch = 5;
    options_.levels = {0.5, 0.75};
    rule_.method = PruneMethod::ALPS;
    rule_.pattern = {0.5, {1, 1}, 1};
  }

  AnalysisReport measure(const torch::Tensor& x) {
    const auto checkpoint = open_checkpoint(in_);
    return measure_sensitivity(
        checkpoint,
        [this] { return torch::jit::load(in_); },
        {x},
        {rule_},
        options_);
  }

  /// How outputs change if `prune` prunes one layer alone.
  calibration::OutputChange
  pruned_alone(const torch::Tensor& x, const std::string& name, double level) {
    const auto checkpoint = open_checkpoint(in_);
    auto rule = rule_;
    rule.targets = {name};
    rule.pattern.sparsity_level = level;
    SampledOptions options;
    options.batch = options_.batch;
    options.dry_run = true;
    return prune_with_samples(
               checkpoint,
               [this] { return torch::jit::load(in_); },
               {x},
               {rule},
               "",
               options)
        .change;
  }

  TemporaryFolder folder_;
  std::string in_ = folder_.file("in.pt");
  AnalysisOptions options_;
  PruneModifier rule_;
};

TEST_F(MeasureSensitivity, IsWhatPruningALayerAloneChanges) {
  testing::script_net().save(in_);
  const auto x = torch::randn({100, 6});
  const auto report = measure(x);
  const auto& measured = report.sensitivity;
  EXPECT_THAT(measured.levels, ElementsAre(0.5, 0.75));
  ASSERT_EQ(measured.layers.size(), 2);
  for (const auto& layer : measured.layers) {
    ASSERT_EQ(layer.changes.size(), 2);
    for (size_t k = 0; k < 2; ++k) {
      const auto wanted = pruned_alone(x, layer.name, measured.levels[k]);
      const auto& change = layer.changes[k];
      EXPECT_NEAR(change.relative_error, wanted.relative_error, 1e-6);
      EXPECT_NEAR(*change.divergence, *wanted.divergence, 1e-6);
      EXPECT_EQ(change.agreement, wanted.agreement);
      EXPECT_EQ(change.samples, 12);
      EXPECT_TRUE(change.is_held_back);
    }
    EXPECT_GT(layer.changes[1].relative_error, layer.changes[0].relative_error);
  }
  EXPECT_THAT(measured.layers[1].shape, ElementsAre(3, 8));
  EXPECT_EQ(report.work.samples, 88);
}

TEST_F(MeasureSensitivity, MeasuresAWeightOfSeveralPartsAsOne) {
  torch::jit::Module net("Net");
  net.register_parameter("parts", torch::randn({6, 12}), false);
  net.define(R"(
def forward(self, x):
  a = torch.linear(x, self.parts[:2])
  return torch.cat([a, torch.linear(torch.relu(x), self.parts[2:])], 1)
)");
  net.save(in_);
  const auto x = torch::randn({40, 12});
  options_.memory = 1; // A pass a part.
  const auto report = measure(x);
  ASSERT_EQ(report.sensitivity.layers.size(), 1);
  EXPECT_EQ(report.work.passes, 2);
  EXPECT_NEAR(
      report.sensitivity.layers[0].changes[0].relative_error,
      pruned_alone(x, "parts", 0.5).relative_error,
      1e-6);
}

TEST_F(MeasureSensitivity, KeepsTheStateOfAModelBetweenBatches) {
  torch::jit::Module net("Net");
  net.register_parameter("w", torch::randn({4, 4}), false);
  net.register_attribute("seen", c10::TensorType::get(), torch::zeros({1, 4}));
  net.define(R"(
def forward(self, x):
  self.seen = self.seen + torch.linear(x, self.w).sum(0, True)
  return self.seen + torch.zeros([x.size(0), 4])
)");
  net.save(in_);
  const auto x = torch::randn({80, 4});
  rule_.targets = {"w"};
  const auto report = measure(x);
  EXPECT_NEAR(
      report.sensitivity.layers[0].changes[1].relative_error,
      pruned_alone(x, "w", 0.75).relative_error,
      1e-6);
}

TEST_F(MeasureSensitivity, TellsHowFarItIs) {
  testing::script_net().save(in_);
  std::vector<std::string> layers;
  int64_t last = 0;
  int64_t whole = 0;
  options_.measuring = [&](const auto& layer, double, int64_t at, int64_t of) {
    EXPECT_EQ(at, last + 1);
    last = at;
    whole = of;
    if (layers.empty() || layers.back() != layer) {
      layers.push_back(layer);
    }
  };
  measure(torch::randn({100, 6}));
  EXPECT_EQ(last, whole);
  EXPECT_THAT(layers, ElementsAre("fc1.weight", "fc2.weight"));
}

TEST_F(MeasureSensitivity, SaysWhatIsLeft) {
  auto net = testing::script_net();
  net.register_parameter("idle", torch::randn({4, 4}), false);
  net.save(in_);
  const auto report = measure(torch::randn({16, 6}));
  EXPECT_EQ(report.sensitivity.layers.size(), 2);
  ASSERT_EQ(report.left.size(), 1);
  EXPECT_EQ(report.left[0].first, "idle");
}

TEST_F(MeasureSensitivity, RefusesWhatCannotBeMeasured) {
  testing::script_net().save(in_);
  const auto complaint = [&] {
    return message_of([&] { measure(torch::randn({16, 6})); });
  };
  for (const std::vector<double>& levels :
       {std::vector<double>{0.5, 0.5}, {0.7, 0.5}, {0}, {1.1}}) {
    options_.levels = levels;
    EXPECT_THAT(complaint(), HasSubstr("expected levels that rise"));
  }
  options_.levels = {};
  EXPECT_THAT(complaint(), HasSubstr("one level or more"));
  options_.levels = {0.5};
  rule_.pattern = {1, {1, 4}, 2};
  EXPECT_THAT(complaint(), HasSubstr("has one level"));
}

} // namespace
} // namespace coppice::measure_sensitivity_test
