// Runs `coppice demo` and `coppice inspect` as users do, on tiny data.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "cli/idx_files.h"
#include "coppice/graph/trace.h" // With it the library is loaded.
#include "support/html.h"

namespace coppice::cli::demo_program_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Demo : public ::testing::Test {
 protected:
  void SetUp() override {
    write_image_folder(data_);
  }

  std::vector<std::string> arguments(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{
        "demo",
        "--data",
        data_.path(),
        "--out",
        out_.path(),
        "--threads",
        "1",
        "--seconds",
        "0.02"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  Outcome run(std::vector<std::string> more = {"--epochs", "1"}) const {
    return run_coppice(arguments(std::move(more)));
  }

  /// The demo while it runs, for longer than any test takes.
  std::vector<std::string> endless() const {
    auto all = arguments({"--epochs", "1000"});
    all.insert(all.begin(), COPPICE_PROGRAM);
    return all;
  }

  TemporaryFolder data_;
  TemporaryFolder out_;
};

TEST_F(Demo, PrintsProgressTheTableAndWhatToDoNext) {
  const auto outcome = run();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(errors(outcome), IsEmpty());
  EXPECT_THAT(outcome.out, HasSubstr("40 training and 20 test images"));
  EXPECT_THAT(outcome.out, HasSubstr("dense epoch 1/1"));
  EXPECT_THAT(outcome.out, HasSubstr("sparse step 4/4"));
  EXPECT_THAT(outcome.out, HasSubstr("fc1.weight"));
  EXPECT_THAT(
      outcome.out, HasSubstr("Next: coppice inspect " + out_.file("demo.pt")));
  EXPECT_THAT(outcome.out, HasSubstr("whole model, batch 64"));
  EXPECT_THAT(outcome.out, HasSubstr("Look at: " + out_.file("demo.html")));
  EXPECT_THAT(
      out_.names(),
      UnorderedElementsAre(
          "demo-compiled.pt", "demo-dense.pt", "demo.html", "demo.pt"));
}

TEST_F(Demo, PrintsNothingButJsonWhenAsked) {
  const auto outcome = run({"--epochs", "1", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(errors(outcome), IsEmpty());
  const auto result = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(result["train_images"], 40);
  EXPECT_NEAR(result["pruned_layers"]["sparsity"], 0.9, 1e-4);
  EXPECT_LT(
      result["sparse"]["gzip_bytes"].get<int64_t>(),
      result["dense"]["gzip_bytes"].get<int64_t>() / 4);
  EXPECT_EQ(result["layers"].size(), 4u);
  const auto& compiled = result["compiled"];
  EXPECT_EQ(compiled["whole"].size(), 2u);
  EXPECT_EQ(compiled["accuracy"], result["sparse"]["accuracy"]);
  EXPECT_EQ(result["page"], out_.file("demo.html"));
}

TEST_F(Demo, EndsWithACompiledFileAndAPage) {
  ASSERT_EQ(run().exit_code, 0);
  auto compiled = torch::jit::load(out_.file("demo-compiled.pt"));
  EXPECT_EQ(
      compiled.forward({torch::zeros({3, 1, 28, 28})}).toTensor().sizes(),
      torch::IntArrayRef({3, 10}));
  const auto page = read_file(out_.file("demo.html"));
  testing::require_balanced(page);
  for (const char* part : {"fc1", "1024x3136", "accuracy, compiled"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
}

TEST_F(Demo, GivesTheSameFileForTheSameSeed) {
  ASSERT_EQ(run({"--epochs", "1", "--seed", "3"}).exit_code, 0);
  const auto first = read_file(out_.file("demo.pt"));
  ASSERT_EQ(run({"--epochs", "1", "--seed", "3"}).exit_code, 0);
  EXPECT_TRUE(read_file(out_.file("demo.pt")) == first);
  ASSERT_EQ(run({"--epochs", "1", "--seed", "4"}).exit_code, 0);
  EXPECT_FALSE(read_file(out_.file("demo.pt")) == first);
}

TEST_F(Demo, WritesAFileThatInspectReads) {
  ASSERT_EQ(run().exit_code, 0);
  const auto outcome = run_coppice({"inspect", out_.file("demo.pt"), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, IsEmpty());
  const auto result = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(result["tensors"].size(), 8u);
  const auto& fc1 = result["tensors"][4];
  EXPECT_EQ(fc1["name"], "fc1.weight");
  EXPECT_EQ(fc1["block"], "1x4");
  EXPECT_NEAR(fc1["sparsity"], 0.9, 1e-4);
}

TEST_F(Demo, MakesItsFolder) {
  auto words = arguments({"--epochs", "1"});
  words[4] = out_.file("a/b");
  ASSERT_EQ(run_coppice(words).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(out_.file("a/b/demo.pt")));
}

TEST_F(Demo, LeavesNoFileOnCtrlC) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Child child(endless());
    ASSERT_TRUE(child.wait_for("dense epoch 1/"));
    child.signal(signal);
    expect_complaint(child.wait(), 130, "interrupted");
    EXPECT_THAT(out_.names(), IsEmpty());
  }
}

TEST_F(Demo, KeepsTheOldFileOnCtrlC) {
  out_.write("demo.pt", "from before");
  Child child(endless());
  ASSERT_TRUE(child.wait_for("dense epoch 1/"));
  child.signal(SIGINT);
  EXPECT_EQ(child.wait().exit_code, 130);
  EXPECT_EQ(read_file(out_.file("demo.pt")), "from before");
}

TEST_F(Demo, SaysSoIfTheDiskIsFull) {
  // A limit of 512 kB on files stands in for the disk; signal 25 would tell.
  std::vector<std::string> words{
      "sh",
      "-c",
      "trap '' 25; ulimit -f 1024; exec \"$@\"",
      "sh",
      COPPICE_PROGRAM};
  const auto more = arguments({"--epochs", "1"});
  words.insert(words.end(), more.begin(), more.end());
  expect_complaint(Child(words).wait(), 1, "cannot be written");
  EXPECT_THAT(out_.names(), IsEmpty());
}

TEST_F(Demo, SaysSoBeforeTrainingIfTheFolderCannotBeWritten) {
  auto words = arguments();
  words[4] = out_.write("file", "") + "/below";
  const auto outcome = run_coppice(words);
  expect_complaint(outcome, 1, "cannot be made");
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST_F(Demo, SaysSoIfTheFolderIsReadOnly) {
  if (geteuid() == 0) {
    GTEST_SKIP() << "root writes everywhere";
  }
  std::filesystem::permissions(out_.path(), std::filesystem::perms(0500));
  expect_complaint(run(), 1, "cannot be written");
}

TEST_F(Demo, RefusesBrokenData) {
  data_.write("train-images-idx3-ubyte", image_idx(40).substr(0, 5000));
  expect_complaint(run(), 2, "train-images-idx3-ubyte is cut short");
  data_.write("train-images-idx3-ubyte", "GIF89a");
  expect_complaint(run(), 2, "is not an IDX file");
  data_.write("train-images-idx3-ubyte", image_idx(39));
  expect_complaint(run(), 2, "39 images");
  std::filesystem::remove(data_.file("train-images-idx3-ubyte"));
  expect_complaint(run(), 2, "holds no train-images-idx3-ubyte");
  EXPECT_THAT(out_.names(), IsEmpty());
}

} // namespace
} // namespace coppice::cli::demo_program_test
