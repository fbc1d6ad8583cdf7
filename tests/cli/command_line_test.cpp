// Messages for wrong command lines and models, and --help.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/script.h>
#include <torch/serialize.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/child.h"

namespace coppice::cli::command_line_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(CommandLine, HelpsWithExamples) {
  for (const char* command :
       {"inspect", "prune", "analyze", "compile", "pack", "unpack"}) {
    const auto outcome = run_coppice({command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("Examples:"));
    EXPECT_THAT(outcome.err, IsEmpty());
  }
  EXPECT_THAT(run_coppice({"--help"}).out, HasSubstr("coppice prune"));
}

TEST(CommandLine, HelpsInPlainLines) {
  for (const char* command :
       {"",
        "inspect",
        "prune",
        "analyze",
        "activations",
        "compile",
        "bench",
        "pack"}) {
    auto words = std::vector<std::string>{command, "--help"};
    words.erase(std::remove(words.begin(), words.end(), ""), words.end());
    const auto help = run_coppice(words).out;
    for (const char* noise :
         {"Excludes", "Needs:", "REQUIRED", "TEXT", "INT", "FLOAT", ":{"}) {
      EXPECT_THAT(help, Not(HasSubstr(noise))) << command;
    }
    std::istringstream lines(help);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 80) << line;
    }
  }
  const auto help = run_coppice({"prune", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("  --pattern N:M           Keep N of every M"));
  EXPECT_THAT(help, HasSubstr("  -o, --output OUT  "));
  EXPECT_THAT(help, HasSubstr("(default: tensor)"));
}

TEST(CommandLine, TellsItsVersion) {
  const auto outcome = run_coppice({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, StartsWith("coppice 0."));
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  expect_complaint(run_coppice({}), 2, "coppice --help");
  expect_complaint(run_coppice({"prone"}), 2, "prone");
  const auto bench = [](const char* option, const char* value) {
    return run_coppice({"bench", "a", "--input", "1", option, value});
  };
  expect_complaint(bench("--second", "1"), 2, "bench --help");
  expect_complaint(bench("--seconds", "0"), 2, "--seconds");
  expect_complaint(bench("--seconds", "many"), 2, "many");
  expect_complaint(bench("--batch", "-1"), 2, "--batch");
  expect_complaint(bench("--threads", "0"), 2, "--threads");
  expect_complaint(run_coppice({"inspect"}), 2, "MODEL");
  expect_complaint(run_coppice({"inspect", "a", "b"}), 2, "b");
}

TEST(CommandLine, SaysSoIfItsOutputGoesNowhere) {
  expect_complaint(
      Child({"sh", "-c", COPPICE_PROGRAM " inspect --help > /dev/full"}).wait(),
      1,
      "standard output");
}

class Inspect : public ::testing::Test {
 protected:
  std::string save_module() const {
    torch::nn::Linear linear(8, 4);
    const torch::NoGradGuard no_grad;
    linear->weight.slice(1, 0, 4).zero_();
    torch::save(linear, folder_.file("linear.pt"));
    return folder_.file("linear.pt");
  }

  void expect_refused(const std::string& path, const std::string& part) const {
    const auto outcome = run_coppice({"inspect", path});
    expect_complaint(outcome, 2, part);
    EXPECT_THAT(outcome.err, HasSubstr(path));
    EXPECT_THAT(outcome.out, IsEmpty());
  }

  TemporaryFolder folder_;
};

TEST_F(Inspect, ListsTensorsZerosAndPattern) {
  const auto outcome = run_coppice({"inspect", save_module()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("weight  4x8    F32"));
  EXPECT_THAT(outcome.out, HasSubstr("50.00%  4:8  4x4"));
  EXPECT_THAT(outcome.out, HasSubstr("2 tensors, 36 elements, 144 B"));
}

TEST_F(Inspect, PrintsNothingButJsonWhenAsked) {
  const auto outcome = run_coppice({"inspect", save_module(), "--json"});
  const auto result = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(result["zeros"], 16);
  EXPECT_EQ(result["tensors"][0]["block"], "4x4");
}

TEST_F(Inspect, ReadsAModelWithoutTensors) {
  torch::jit::Module("empty").save(folder_.file("empty.pt"));
  const auto outcome = run_coppice({"inspect", folder_.file("empty.pt")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("0 tensors"));
}

TEST_F(Inspect, RefusesWhatIsNoFile) {
  expect_refused(folder_.file("missing.pt"), "No such file");
  expect_refused(folder_.path(), "is a folder");
}

TEST_F(Inspect, RefusesOtherFormats) {
  expect_refused(folder_.write("empty", ""), "is empty");
  expect_refused(folder_.write("text", "weights"), "of an unknown format");
}

TEST_F(Inspect, RefusesAnArchiveCutShortAnywhere) {
  const auto whole = read_file(save_module());
  for (const size_t eighth : {1, 4, 7}) {
    const auto part = whole.substr(0, whole.size() * eighth / 8);
    expect_refused(folder_.write("part.pt", part), "cut short");
  }
  expect_refused(
      folder_.write("part.pt", whole.substr(0, whole.size() - 1)), "cut short");
}

TEST_F(Inspect, RefusesAnArchiveWhoseBytesWereChanged) {
  auto bytes = read_file(save_module());
  for (size_t at = 40; at < bytes.size(); at += 331) {
    auto changed = bytes;
    changed[at] ^= 0x5a;
    const auto outcome =
        run_coppice({"inspect", folder_.write("changed.pt", changed)});
    if (outcome.exit_code != 0) {
      expect_complaint(outcome, 2, "changed.pt");
    }
  }
}

} // namespace
} // namespace coppice::cli::command_line_test
