// The command `coppice prune --calibration`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/calibrated_model.h"
#include "coppice/io/checkpoint.h"
#include "coppice/masks/measure.h"
#include "coppice/model/torch_tensors.h"
#include "support/script_models.h"

namespace coppice::cli::prune_calibration_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PruneCalibration : public CalibratedModel {
 protected:
  torch::Tensor pruned(const std::string& name) const {
    return as_tensor(*open_checkpoint(out_).state.find(name)).clone();
  }
};

TEST_F(PruneCalibration, WritesAModelThatRunsAndSaysWhatItCost) {
  const auto outcome = prune({"--sparsity", "0.5"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(
      outcome.out,
      HasSubstr("2 weights, 56 samples to calibrate and 8 held back; 1 pass"));
  EXPECT_THAT(outcome.out, HasSubstr("ALPS 50%"));
  EXPECT_THAT(outcome.out, HasSubstr("On 8 samples that were held back:"));
  EXPECT_THAT(outcome.out, HasSubstr("2 of 2 tensors pruned"));
  EXPECT_THAT(errors(outcome), IsEmpty());
  EXPECT_EQ(sparsity(pruned("fc1.weight")), 0.5);
  auto net = torch::jit::load(out_);
  EXPECT_EQ(net.forward({torch::ones({1, 6})}).toTensor().size(1), 3);
}

TEST_F(PruneCalibration, PrintsJsonWithAccuracy) {
  const auto outcome = prune(
      {"--pattern",
       "2:4",
       "--method",
       "sparsegpt",
       "--sequential",
       "--labels",
       labels_,
       "--samples",
       "40",
       "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["calibration"]["samples"], 35);
  EXPECT_EQ(json["outputs"]["samples"], 5);
  EXPECT_EQ(json["outputs"]["accuracy_before"], 1.0);
  EXPECT_EQ(json["tensors"][0]["asked"], "SparseGPT 2:4");
  EXPECT_EQ(nm_conformity(pruned("fc2.weight"), {2, 4}), 1);
}

TEST_F(PruneCalibration, RunsARecipeOfLlmCompressor) {
  const auto recipe = folder_.file("recipe.yaml");
  std::ofstream(recipe) << R"(
sparsity_stage:
  modifiers:
    WandaPruningModifier:
      sparsity: 0.5
      mask_structure: "2:4"
      targets: ["Linear"]
      ignore: ["re:.*fc2"]
)";
  const auto outcome = prune({"--recipe", recipe});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Wanda 2:4"));
  EXPECT_THAT(outcome.out, HasSubstr("left: ignored"));
  expect_complaint(
      run_coppice({"prune", model_, "-o", out_, "--recipe", recipe}),
      2,
      "--calibration");
}

TEST_F(PruneCalibration, SaysInOneSentenceWhatIsWrong) {
  const std::vector<std::string> half{"--sparsity", "0.5"};
  save_tensors(samples_, {{"x", torch::randn({8, 5})}});
  expect_complaint(prune(half), 2, "the model fails on");
  save_tensors(samples_, {{"x", torch::zeros({0, 6})}});
  expect_complaint(prune(half), 2, "no samples");
  save_tensors(samples_, {{"x", torch::full({8, 6}, NAN)}});
  expect_complaint(prune(half), 2, "NaN or infinity in sample 0");
  save_tensors(samples_, {{"x", torch::ones({8, 6}, torch::kLong)}});
  expect_complaint(prune(half), 2, "float32");
  save_tensors(samples_, {{"x", torch::randn({8, 6})}});
  expect_complaint(
      prune({"--sparsity", "0.5", "--scope", "global"}), 2, "global");
  expect_complaint(
      run_coppice(
          {"prune",
           samples_,
           "-o",
           out_,
           "--calibration",
           samples_,
           "--sparsity",
           "0.5"}),
      2,
      "TorchScript");
  expect_complaint(
      run_coppice(
          {"prune", model_, "-o", out_, "--sparsity", "0.5", "--sequential"}),
      2,
      "calibration");
  save_tensors(labels_, {{"y", torch::zeros({3}, torch::kLong)}});
  expect_complaint(
      prune({"--sparsity", "0.5", "--labels", labels_}), 2, "expected 8");
  EXPECT_FALSE(std::ifstream(out_).good());
}

} // namespace
} // namespace coppice::cli::prune_calibration_test
