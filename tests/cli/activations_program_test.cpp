// The command `coppice activations`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "support/script_models.h"

namespace coppice::cli::activations_program_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Activations : public ::testing::Test {
 protected:
  Activations() {
    testing::script_net().save(model_);
    save_samples({{"x", torch::randn({40, 6})}});
  }

  void save_samples(
      const std::vector<std::pair<std::string, torch::Tensor>>& tensors) {
    save_tensors(samples_, tensors);
  }

  Outcome activations(std::vector<std::string> options) const {
    options.insert(
        options.begin(),
        {"activations", model_, "--calibration", samples_, "-o", out_});
    return run_coppice(options);
  }

  void expect_refused(
      const std::vector<std::string>& options,
      const std::string& part) const {
    expect_complaint(activations(options), 2, part);
    EXPECT_THAT(folder_.names(), UnorderedElementsAre("model", "samples"));
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("model");
  std::string samples_ = folder_.file("samples");
  std::string out_ = folder_.file("out");
};

TEST_F(Activations, WritesTheMaskedModelAndATable) {
  const auto outcome = activations({"--layer", "fc*", "--sparsity", "0.5"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("50.00%"));
  EXPECT_THAT(
      outcome.out, HasSubstr("2 of 2 layers masked, calibrated on 40 samples"));
  EXPECT_THAT(outcome.err, IsEmpty());
  auto loaded = torch::jit::load(out_);
  EXPECT_EQ(loaded.forward({torch::ones({2, 6})}).toTensor().size(1), 3);
}

TEST_F(Activations, PrintsNothingButJsonWhenAsked) {
  const auto outcome = activations(
      {"--layer",
       "fc2",
       "--sparsity",
       "0.25",
       "--json",
       "--batch",
       "7",
       "--aggregate",
       "abs_sum",
       "--reduce",
       "l2",
       "--sites"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto result = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(result["layers"][0]["layer"], "fc2");
  EXPECT_EQ(result["layers"][0]["masked"], 0.25);
  EXPECT_EQ(result["samples"], 40);
  EXPECT_EQ(result["sites"], true);
}

TEST_F(Activations, TakesInputsInTheOrderOfTheirNames) {
  torch::jit::Module net("Two");
  net.register_module("fc", testing::script_linear(torch::ones({2, 3})));
  net.define(
      "def forward(self, a, b):\n  return self.fc.forward(a) + b.sum(1, True)"
      "\n");
  net.save(model_);
  save_samples({{"x10", torch::ones({5, 4})}, {"x2", torch::ones({5, 3})}});
  const auto outcome = activations({"--layer", "fc", "--sparsity", "0.34"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(Activations, TakesWhatPruneTakes) {
  torch::jit::Module net("Two");
  net.register_module("fc", testing::script_linear(torch::ones({2, 3})));
  net.define(
      "def forward(self, x, scale: float):\n  return self.fc.forward(x * scale)"
      "\n");
  net.save(model_);
  const auto bytes = torch::pickle_save(
      c10::ivalue::Tuple::create({torch::ones({5, 3}), 2.0}));
  std::ofstream(samples_, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const auto outcome = activations({"--layer", "fc", "--sparsity", "0.34"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("calibrated on 5 samples"));
}

TEST_F(Activations, SaysWhatIsWrong) {
  expect_refused({"--layer", "fc1"}, "--sparsity");
  expect_refused({"--sparsity", "0.5"}, "--layer");
  expect_refused({"--layer", "fc1", "--sparsity", "2"}, "--sparsity");
  expect_refused({"--layer", "fc3", "--sparsity", "0.5"}, "`fc");
  expect_refused(
      {"--layer", "fc1", "--sparsity", "0.5", "--features", "1"},
      "--feature-dim");
  expect_refused(
      {"--layer", "fc1", "--sparsity", "0.5", "--reduce", "media"}, "mean");
  save_samples({{"x", torch::randn({40, 5})}});
  expect_refused({"--layer", "fc1", "--sparsity", "0.5"}, "on samples 0 to 31");
}

TEST_F(Activations, RefusesFilesOfOtherKinds) {
  const auto run = [&](const std::string& model, const std::string& samples) {
    return run_coppice(
        {"activations",
         model,
         "--calibration",
         samples,
         "-o",
         out_,
         "--layer",
         "fc1",
         "--sparsity",
         "0.5"});
  };
  expect_complaint(run(samples_, samples_), 2, "no model to run");
  expect_complaint(run(folder_.file("none"), samples_), 2, "none");
  expect_complaint(run(model_, folder_.file("none")), 2, "none");
  expect_complaint(run(model_, folder_.write("x", "abc")), 2, "x");
  expect_complaint(run(folder_.write("x", "abc"), samples_), 2, "x");
  out_ = model_;
  expect_complaint(run(model_, samples_), 1, "the input itself");
}

} // namespace
} // namespace coppice::cli::activations_program_test
