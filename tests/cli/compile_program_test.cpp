// The commands `coppice compile` and `coppice bench`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "coppice/graph/activation_sites.h" // With it the library is loaded.
#include "coppice/sparse/packed_weight.h"
#include "io/output_file.h"
#include "kernels/instruction_set.h"
#include "support/errors.h"
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

TEST_F(Compile, LeavesNoFileOnCtrlC) {
  testing::endless_net().save(model_);
  for (const int signal : {SIGINT, SIGTERM}) {
    Child child(
        {COPPICE_PROGRAM, "compile", model_, "-o", out_, "--input", "2x6"});
    ASSERT_TRUE(child.wait_for("it runs"));
    child.signal(signal);
    expect_complaint(child.wait(), 130, "interrupted");
    EXPECT_THAT(folder_.names(), UnorderedElementsAre("model"));
  }
}

TEST_F(Compile, RunsWithThreadsThatSoonSleep) {
  testing::endless_net().save(model_);
  Child child({COPPICE_PROGRAM, "bench", model_, "--input", "2x6"});
  ASSERT_TRUE(child.wait_for("it runs"));
  const auto process = "/proc/" + std::to_string(child.id()) + "/environ";
  EXPECT_THAT(read_file(process), HasSubstr("GOMP_SPINCOUNT="));
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

/// Sets an environment variable during its lifetime.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    unsetenv(name_);
  }

 private:
  const char* name_;
};

TEST_F(Compile, RunsOnMachinesWithoutTheBestInstructionSet) {
  EXPECT_EQ(compile({"--input", "2x6"}).exit_code, 0);
  for (const auto& name : kernels::instruction_sets()) {
    const Environment limit("COPPICE_INSTRUCTION_SET", name);
    const auto outcome = run_coppice(
        {"bench",
         model_,
         out_,
         "--input",
         "2x6",
         "--no-cache",
         "--seconds",
         "0.05",
         "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto result = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(result["instruction_set"], name);
    EXPECT_LT(result["difference"], 1e-5);
    EXPECT_LT(result["other"]["difference"], 1e-5);
  }
  const Environment limit("COPPICE_INSTRUCTION_SET", "MMX");
  const auto outcome = run_coppice({"--version"});
  EXPECT_THAT(outcome.err, HasSubstr("COPPICE_INSTRUCTION_SET is MMX, which"));
}

TEST_F(Compile, SaysThatThereIsNoFastPath) {
  const auto all = kernels::instruction_sets();
  const auto& plain = all.back();
  if (plain != "EMU128" && plain != "SCALAR") {
    GTEST_SKIP() << "the compiler's baseline is " << plain;
  }
  const Environment limit("COPPICE_INSTRUCTION_SET", plain);
  const auto outcome = compile({"--input", "2x6"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("no fast path for this processor"));
}

/// A module with a packed weight, saved with the format version of another
/// release: the number before the name of the format.
std::string file_of_another_version() {
  torch::jit::Module net("Net");
  net.register_attribute(
      "weight",
      torch::getCustomClass("__torch__.torch.classes.coppice.PackedWeight"),
      PackedWeight::pack(torch::ones({4, 6}), PackedFormat::CompressedRows));
  net.define("def forward(self, x):\n  return x\n");
  std::ostringstream file;
  net.save(file);
  auto bytes = file.str();
  const std::string name("X\x0f\0\0\0compressed_rows", 20);
  const auto at = bytes.find(name);
  EXPECT_EQ(bytes.at(at - 2), 'K'); // The number that follows is small.
  bytes[at - 1] = 9;
  return bytes;
}

TEST_F(Compile, SaysThatAnotherVersionMadeTheFile) {
  write_file(model_, file_of_another_version());
  const std::string reason = "packed by another version of Coppice (state 9";
  expect_refused({"--input", "2x6"}, reason);
  expect_complaint(run_coppice({"bench", model_, "--input", "2x6"}), 2, reason);
  EXPECT_THAT(
      testing::message_of([&] { torch::jit::load(model_); }),
      HasSubstr(reason));
}

TEST_F(Compile, SaysThatAModelHasNoParameters) {
  const std::string folder = COPPICE_SHARED "/data/models/";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "there is no " << folder;
  }
  expect_complaint(
      run_coppice(
          {"compile",
           folder + "asl_frozen_xnnpack.ptl",
           "-o",
           out_,
           "--input",
           "1x3x200x200"}),
      2,
      "packed formats do not support prepacked::conv2d_clamp_run, "
      "prepacked::linear_clamp_run; compile the original");
  expect_complaint(
      run_coppice(
          {"bench", folder + "vit4mnist_dynquant.ptl", "--input", "1x1x28x28"}),
      2,
      "packed formats do not support quantized::linear_dynamic; compile the");
}

/// Checks that a page is self-contained and has the layers of `script_net`.
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
  EXPECT_THAT(outcome.out, HasSubstr("Page written to " + page));
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
  refuse(folder_.path() + "/./out", 2, "is where the output goes");
  refuse(model_ + "/below/page.html", 1, "cannot be created");
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
  expect_refused({"--input", "=3", "--batch", "4"}, "takes a tensor there");
  torch::jit::Module none("Plain");
  none.define("def forward(self, x):\n  return x + 1\n");
  none.save(model_);
  expect_refused({"--input", "2x6"}, "no linear layer or convolution");
  save_tensors(model_, {{"x", torch::ones({2, 2})}});
  expect_refused({"--input", "2x6"}, "no model to run");
}

} // namespace
} // namespace coppice::cli::compile_program_test
