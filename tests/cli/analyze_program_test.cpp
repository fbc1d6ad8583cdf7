// `coppice analyze`, and `coppice prune --allocation`, as a user meets them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/calibrated_model.h"
#include "coppice/io/checkpoint.h"
#include "coppice/masks/measure.h"
#include "coppice/model/torch_tensors.h"
#include "support/script_models.h"

namespace coppice::cli::analyze_program_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Analyze : public CalibratedModel {
 protected:
  Outcome analyze(std::vector<std::string> options) const {
    options.insert(
        options.begin(), {"analyze", model_, "--calibration", samples_});
    return run_coppice(options);
  }

  double zeros() const {
    double zeros = 0;
    for (const char* name : {"fc1.weight", "fc2.weight"}) {
      const auto weight = as_tensor(*open_checkpoint(out_).state.find(name));
      zeros += weight.eq(0).sum().item<double>();
    }
    return zeros;
  }

  std::string costs_ = folder_.file("costs.json");
  std::string page_ = folder_.file("page.html");
};

TEST_F(Analyze, HasARowForEachLayerAndLevel) {
  const auto outcome =
      analyze({"--levels", "0.5,0.75", "--labels", labels_, "--html", page_});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(errors(outcome), IsEmpty());
  EXPECT_THAT(outcome.out, HasSubstr("fc1.weight  8x6    50.00%"));
  EXPECT_THAT(outcome.out, HasSubstr("fc2.weight  3x8    75.00%"));
  EXPECT_THAT(
      outcome.out,
      HasSubstr("on 8 samples that were held back, dense accuracy 100.00%"));
  const auto page = read_file(page_);
  EXPECT_THAT(page, HasSubstr("coppice analyze"));
  EXPECT_THAT(page, HasSubstr("data:image/png;base64,"));
  EXPECT_THAT(page, HasSubstr("the most sensitive layer, at 75%"));
  EXPECT_THAT(page, HasSubstr("fc2.weight"));
}

TEST_F(Analyze, ItsFileAllocatesLevels) {
  const auto outcome = analyze({"-o", costs_});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("--allocation`: " + costs_));
  const auto pruned =
      prune({"--sparsity", "0.75", "--allocation", costs_, "--json"});
  ASSERT_EQ(pruned.exit_code, 0) << pruned.err;
  const auto json = nlohmann::json::parse(pruned.out);
  EXPECT_EQ(json["allocation"], costs_);
  EXPECT_NE(json["tensors"][0]["asked"], "ALPS 75%");
  EXPECT_NEAR(zeros(), 54, 2); // A weight of each layer by rounding.
  expect_complaint(
      prune({"--sparsity", "0.99", "--allocation", costs_}),
      2,
      "no allocation reaches a sparsity of 0.99");
}

TEST_F(Analyze, PrintsTheSameAsJson) {
  const auto outcome = analyze(
      {"--json",
       "-o",
       costs_,
       "--levels",
       "0.5",
       "--method",
       "wanda",
       "--block",
       "1x2",
       "--exclude",
       "fc2",
       "--samples",
       "40",
       "--batch",
       "3"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, read_file(costs_));
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["method"], "Wanda, blocks 1x2");
  EXPECT_EQ(json["calibration"]["compared"], 5);
  ASSERT_EQ(json["layers"].size(), 1);
  EXPECT_EQ(json["layers"][0]["layer"], "fc1.weight");
  EXPECT_GT(json["layers"][0]["kl"], 0);
  EXPECT_EQ(json["left"][0]["reason"], "ignored");
  // It tells nothing of the layer that was left out.
  expect_complaint(
      prune({"--sparsity", "0.5", "--allocation", costs_}),
      2,
      "no layer `fc2.weight`");
}

TEST_F(Analyze, LevelsAreAllocatedByName) {
  for (const char* name : {"uniform", "erk", "global", "owl"}) {
    const auto outcome = prune(
        {"--sparsity", "0.75", "--allocation", name, "--method", "sparsegpt"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NEAR(zeros(), 54, 2) << name;
  }
  const auto erk = prune(
      {"--sparsity",
       "0.5",
       "--allocation",
       "erk",
       "--sequential",
       "--dry-run"});
  EXPECT_EQ(erk.exit_code, 0) << erk.err;
  // Of 36 weights that stay fc1 has 14 of 25 parts: by the sums of sizes.
  EXPECT_THAT(erk.out, HasSubstr("ALPS 58"));
  EXPECT_THAT(erk.out, HasSubstr("ALPS 34"));
}

TEST_F(Analyze, SparsityProfilesOfRecipesAllocateLevels) {
  const auto recipe = folder_.file("recipe.yaml");
  std::ofstream(recipe) << R"(
sparsity_stage:
  modifiers:
    SparseGPTModifier:
      sparsity: 0.5
      sparsity_profile: owl
      owl_m: 2
      owl_lmbda: 0.05
      targets: ["Linear"]
)";
  const auto outcome = prune({"--recipe", recipe});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("SparseGPT 50%")));
  expect_complaint(
      prune({"--recipe", recipe, "--allocation", "erk"}), 2, "--allocation");
}

TEST_F(Analyze, SaysInOneSentenceWhatIsWrong) {
  expect_complaint(analyze({"--levels", "0.5,0.4"}), 2, "levels that rise");
  expect_complaint(analyze({"--levels", "0.5,2"}), 2, "--levels");
  expect_complaint(analyze({"--levels", "many"}), 2, "--levels");
  expect_complaint(analyze({"--block", "2:4"}), 2, "--block");
  expect_complaint(analyze({"--include", "fc7"}), 2, "`fc7`");
  expect_complaint(analyze({"-o", model_}), 1, "the input itself");
  expect_complaint(
      analyze({"-o", costs_, "--html", costs_}), 2, "where the output goes");
  expect_complaint(run_coppice({"analyze", model_}), 2, "--calibration");
  expect_complaint(
      run_coppice({"analyze", samples_, "--calibration", samples_}),
      2,
      "TorchScript");
  save_tensors(samples_, {{"x", torch::randn({8, 5})}});
  expect_complaint(analyze({}), 2, "the model fails on");
  EXPECT_FALSE(std::filesystem::exists(costs_));
}

TEST_F(Analyze, SaysInOneSentenceWhatCannotBeAllocated) {
  const std::vector<std::string> half{"--sparsity", "0.5", "--allocation"};
  const auto with = [&](const std::string& allocation) {
    auto options = half;
    options.push_back(allocation);
    return prune(options);
  };
  expect_complaint(with("erkk"), 2, "erkk");
  expect_complaint(with(samples_), 2, "coppice analyze");
  std::ofstream(costs_) << R"({"layers": [{"layer": "fc1.weight",
      "shape": "9x9", "level": 0.9, "relative_error": 0.1}]})";
  expect_complaint(with(costs_), 2, "another model");
  expect_complaint(
      prune({"--pattern", "2:4", "--allocation", "erk"}), 2, "one level");
  expect_complaint(
      prune({"--sparsity", "0.99", "--allocation", "owl", "--owl-m", "1"}),
      2,
      "not in [0, 1]");
  expect_complaint(
      prune({"--sparsity", "0.5", "--owl-m", "3"}), 2, "--allocation");
  expect_complaint(
      run_coppice(
          {"prune",
           model_,
           "-o",
           out_,
           "--sparsity",
           "0.5",
           "--allocation",
           "erk"}),
      2,
      "--calibration");
  out_ = costs_;
  expect_complaint(with(costs_), 1, "the input itself");
}

TEST_F(Analyze, LeavesNothingBehindOnCtrlC) {
  save_tensors(samples_, {{"x", torch::randn({400000, 6})}});
  Child child(
      {COPPICE_PROGRAM,
       "analyze",
       model_,
       "--calibration",
       samples_,
       "--batch",
       "1",
       "-o",
       costs_,
       "--html",
       page_});
  ASSERT_TRUE(child.wait_for("samples to calibrate"));
  child.signal(SIGINT);
  const auto outcome = child.wait();
  EXPECT_EQ(outcome.exit_code, 130);
  EXPECT_THAT(outcome.err, HasSubstr("coppice: interrupted."));
  EXPECT_THAT(
      folder_.names(),
      ::testing::UnorderedElementsAre(
          "net.pt", "samples.safetensors", "labels.safetensors"));
}

} // namespace
} // namespace coppice::cli::analyze_program_test
