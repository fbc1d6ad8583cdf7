// What `coppice prune --calibration` says of what cannot be done, and what it
// leaves behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <csignal>
#include <fstream>
#include <limits>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "support/script_models.h"

namespace coppice::cli::prune_calibration_errors_test {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class PruneCalibrationErrors : public ::testing::Test {
 protected:
  PruneCalibrationErrors() {
    testing::script_net().save(model_);
    give(torch::randn({16, 6}));
  }

  /// Samples for the model's first input.
  void give(const torch::Tensor& x) const {
    give_all({{"x", x}});
  }
  void give_all(
      const std::vector<std::pair<std::string, torch::Tensor>>& inputs) const {
    save_tensors(samples_, inputs);
  }

  std::vector<std::string> command(std::vector<std::string> options) const {
    options.insert(
        options.begin(),
        {"prune", model_, "-o", out_, "--calibration", samples_});
    return options;
  }
  void expect_refused(
      const std::string& part,
      std::vector<std::string> options = {"--sparsity", "0.5"}) const {
    expect_complaint(run_coppice(command(std::move(options))), 2, part);
    expect_nothing_new();
  }
  /// Neither an output nor anything on the way to one.
  void expect_nothing_new() const {
    EXPECT_THAT(
        folder_.names(), UnorderedElementsAre("net.pt", "samples.safetensors"));
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("net.pt");
  std::string samples_ = folder_.file("samples.safetensors");
  std::string out_ = folder_.file("out.pt");
};

TEST_F(PruneCalibrationErrors, SamplesOfAnotherShape) {
  give(torch::randn({16, 5}));
  expect_refused("the model fails on");
  give(torch::randn({16, 2, 3}));
  expect_refused("the model fails on");
  give(torch::tensor(1.0F));
  expect_refused("dimension");
}

TEST_F(PruneCalibrationErrors, SamplesOfAnotherDtype) {
  for (const auto dtype : {torch::kLong, torch::kDouble, torch::kHalf}) {
    give(torch::ones({16, 6}, dtype));
    expect_refused("float32");
  }
}

TEST_F(PruneCalibrationErrors, NoSamples) {
  give(torch::zeros({0, 6}));
  expect_refused("there are no samples");
  give_all({});
  expect_refused(samples_);
  give_all({{"x", torch::randn({16, 6})}, {"y", torch::randn({16, 6})}});
  expect_refused(samples_);
  std::ofstream(samples_) << "";
  expect_refused(samples_);
}

TEST_F(PruneCalibrationErrors, SamplesWithNanOrInfinity) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(),
        std::numeric_limits<double>::infinity()}) {
    auto x = torch::randn({16, 6});
    x[5][2] = bad;
    give(x);
    expect_refused("holds NaN or infinity in sample 5");
  }
}

/// `used` runs on every sample, `idle` on none.
torch::jit::Module net_with_an_idle_layer() {
  torch::jit::Module net("Net");
  net.register_parameter("used", torch::randn({6, 6}), false);
  net.register_parameter("idle", torch::randn({6, 6}), false);
  net.define(R"(
def forward(self, x):
  if x.size(1) == 5:
    x = torch.linear(x, self.idle)
  return torch.linear(x, self.used)
)");
  return net;
}

TEST_F(PruneCalibrationErrors, LayersThatNeverRan) {
  net_with_an_idle_layer().save(model_);
  expect_refused(
      "it never ran on the samples",
      {"--sparsity", "0.5", "--include", "idle"});
  const auto outcome = run_coppice(command({"--sparsity", "0.5"}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("left: it never ran on the samples"));
  EXPECT_THAT(outcome.out, HasSubstr("1 of 2 tensors pruned"));
}

TEST_F(PruneCalibrationErrors, FilesWithoutAGraph) {
  save_tensors(model_, {{"fc.weight", torch::randn({8, 6})}});
  expect_refused("TorchScript");
  c10::Dict<std::string, torch::Tensor> table;
  table.insert("fc.weight", torch::randn({8, 6}));
  const auto bytes = torch::pickle_save(table);
  folder_.write("net.pt", std::string(bytes.begin(), bytes.end()));
  expect_refused("TorchScript");
}

TEST_F(PruneCalibrationErrors, PatternsThatAMethodHasNot) {
  expect_refused(
      "block size 128", {"--pattern", "2:3", "--method", "sparsegpt"});
  const auto recipe = folder_.write(
      "recipe.yaml",
      "modifiers: {ALPSModifier: {sparsity: 1, mask_structure: 1x4, "
      "zeros_per_block: 3}}");
  expect_complaint(
      run_coppice(command({"--recipe", recipe})), 2, "`zeros_per_block`");
  std::filesystem::remove(recipe);
  expect_refused("4:2", {"--pattern", "4:2"});
  expect_refused(
      "no scope `global`", {"--sparsity", "0.5", "--scope", "global"});
}

TEST_F(PruneCalibrationErrors, LevelsThatCannotBeReached) {
  expect_refused("--sparsity", {"--sparsity", "1.5"});
  expect_refused("expected a sparsity", {"--sparsity", "nan"});
  // Weights of one block can lose all of it or nothing.
  for (const char* method : {"alps", "sparsegpt", "wanda", "magnitude"}) {
    expect_refused(
        "no larger than one block",
        {"--sparsity", "0.4", "--block", "8x8", "--method", method});
  }
}

TEST_F(PruneCalibrationErrors, CtrlCLeavesNothing) {
  testing::endless_net().save(model_);
  for (const int signal : {SIGINT, SIGTERM}) {
    auto arguments = command({"--sparsity", "0.5", "--sequential"});
    arguments.insert(arguments.begin(), COPPICE_PROGRAM);
    Child child(arguments);
    ASSERT_TRUE(child.wait_for("it runs"));
    child.signal(signal);
    expect_complaint(child.wait(), 130, "interrupted");
    expect_nothing_new();
  }
}

} // namespace
} // namespace coppice::cli::prune_calibration_errors_test
