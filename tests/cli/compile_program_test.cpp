// `coppice compile` and `coppice bench` as a user meets them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "coppice/core/torch_tensors.h"
#include "coppice/graph/activation_sites.h" // With it the library is loaded.
#include "coppice/io/safetensors.h"
#include "support/html.h"
#include "support/png.h"
#include "support/script_models.h"

namespace coppice::cli::compile_program_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class Compile : public ::testing::Test {
 protected:
  Compile() {
    testing::script_net().save(model_);
  }

  Outcome compile(std::vector<std::string> options) const {
    options.insert(
        options.begin(),
        {"compile", model_, "-o", out_, "--no-cache", "--seconds", "0.05"});
    return run_coppice(options);
  }

  void expect_refused(
      const std::vector<std::string>& options,
      const std::string& part) const {
    expect_complaint(compile(options), 2, part);
    EXPECT_THAT(folder_.names(), UnorderedElementsAre("model"));
  }

  TemporaryFolder folder_;
  std::string model_ = folder_.file("model");
  std::string out_ = folder_.file("out");
};

TEST_F(Compile, WritesAModelThatComputesTheSame) {
  const auto outcome = compile({"--input", "2x6", "--threads", "1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("fc1"));
  EXPECT_THAT(outcome.out, HasSubstr("threads: 1"));
  EXPECT_THAT(outcome.out, HasSubstr("Written to " + out_));
  const auto x = torch::randn({5, 6});
  auto loaded = torch::jit::load(out_);
  EXPECT_TRUE(loaded.forward({x}).toTensor().allclose(
      testing::script_net().forward({x}).toTensor(), 1e-4, 1e-5));
}

TEST_F(Compile, PrintsNothingButJsonWhenAsked) {
  const auto outcome =
      compile({"--input", "2x6", "--batch", "1", "--batch", "20", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto result = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(result["layers"].size(), 4U);
  EXPECT_EQ(result["whole"][1]["batch"], 20);
  EXPECT_EQ(result["output"], out_);
}

TEST_F(Compile, ComparesTwoModels) {
  const auto outcome = run_coppice(
      {"bench",
       model_,
       model_,
       "--input",
       "2x6",
       "--no-cache",
       "--seconds",
       "0.05"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("times as fast as the model"));
  EXPECT_THAT(folder_.names(), UnorderedElementsAre("model"));
}

/// That a page holds all that it shows, and the layers of `script_net`.
void expect_whole_page(const std::string& page) {
  testing::require_balanced(page);
  for (const char* loads : {"http:", "https:", "url(", "<link", "<script"}) {
    EXPECT_THAT(page, Not(HasSubstr(loads)));
  }
  for (const char* part :
       {"fc1", "8x6", "fc2", "3x8", "batch 20", "LibTorch"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  const auto images = testing::attributes(page, "src");
  ASSERT_EQ(images.size(), 2U);
  const auto fc1 = testing::decoded_png(testing::png_in(images[0]));
  EXPECT_EQ(fc1.width, 6U);
  EXPECT_EQ(fc1.height, 8U);
  EXPECT_EQ(fc1.shade(0, 0), 15);
}

TEST_F(Compile, WritesAPage) {
  const auto page = folder_.file("page.html");
  const auto outcome =
      compile({"--input", "2x6", "--batch", "20", "--html", page});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("The page: " + page));
  EXPECT_THAT(
      folder_.names(), UnorderedElementsAre("model", "out", "page.html"));
  expect_whole_page(read_file(page));
  EXPECT_THAT(read_file(page), HasSubstr("--html " + page));
}

TEST_F(Compile, WritesAPageAndNothingButJson) {
  const auto page = folder_.file("new/page.html");
  const auto outcome =
      compile({"--input", "2x6", "--batch", "20", "--html", page, "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out)["html"], page);
  expect_whole_page(read_file(page));
}

TEST_F(Compile, WritesAPageOfABench) {
  const auto odd = folder_.file("<b>&'\"");
  std::filesystem::copy(model_, odd);
  const auto page = folder_.file("page.html");
  const auto outcome = run_coppice(
      {"bench",
       odd,
       model_,
       "--input",
       "20x6",
       "--no-cache",
       "--seconds",
       "0.05",
       "--html",
       page});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_whole_page(read_file(page));
  EXPECT_THAT(read_file(page), HasSubstr("<h1>&lt;b&gt;&amp;&#39;&quot;</h1>"));
  EXPECT_THAT(read_file(page), HasSubstr("Beside " + model_));
}

TEST_F(Compile, RefusesAPageWhereItMayNotBe) {
  const auto before = read_file(model_);
  const auto refuse = [&](const std::string& page, int code, const char* part) {
    expect_complaint(compile({"--input", "2x6", "--html", page}), code, part);
  };
  refuse(model_, 1, "is the input itself");
  refuse(folder_.path() + "/./out", 2, "is where the compiled model goes");
  refuse(model_ + "/below/page.html", 1, "cannot be made");
  expect_complaint(
      run_coppice({"bench", model_, "--input", "2x6", "--html", model_}),
      1,
      "is the input itself");
  EXPECT_THAT(folder_.names(), UnorderedElementsAre("model"));
  EXPECT_TRUE(read_file(model_) == before);
}

TEST_F(Compile, SaysWhatIsWrong) {
  expect_refused({}, "--input");
  expect_refused({"--input", "2y6"}, "--input 2y6");
  expect_refused({"--input", "2x0"}, "--input 2x0");
  expect_refused({"--input", "2x6:float"}, "no dtype `float`");
  expect_refused({"--input", "99999999999x99999999999"}, "too large");
  expect_refused({"--input", "2x7"}, "the model fails");
  expect_refused({"--input", "=3", "--batch", "4"}, "no input with a batch");
  torch::jit::Module none("Plain");
  none.define("def forward(self, x):\n  return x + 1\n");
  none.save(model_);
  expect_refused({"--input", "2x6"}, "no linear layer or convolution");
  StateDict state;
  state.tensors = {as_stored("x", torch::ones({2, 2}))};
  save_safetensors(model_, state);
  expect_refused({"--input", "2x6"}, "no model to run");
}

} // namespace
} // namespace coppice::cli::compile_program_test
