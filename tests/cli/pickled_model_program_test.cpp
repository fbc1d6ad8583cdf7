// `coppice inspect` and `prune` on files that hold objects of Python's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/child.h"
#include "coppice/io/checkpoint.h"
#include "support/reference_python.h"

namespace coppice::cli::pickled_model_program_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const std::string kPickles = COPPICE_TESTS "/data/pickles/";

TEST(PickledModel, IsInspected) {
  const auto outcome = run_coppice({"inspect", kPickles + "whole.pt"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("blocks.0.conv.weight"));
  EXPECT_THAT(outcome.out, HasSubstr("grove.Block"));
  EXPECT_THAT(outcome.out, HasSubstr("none known to be dangerous"));
  const auto plain =
      run_coppice({"inspect", kPickles + "lightning.pt", "--json"});
  const auto json = nlohmann::json::parse(plain.out);
  EXPECT_GT(json["code"].size(), 3u);
  EXPECT_EQ(json["code"][0]["danger"], nullptr);
}

TEST(PickledModel, ThatIsDangerousIsInspected) {
  const auto outcome = run_coppice({"inspect", kPickles + "evil.pt"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("posix.system"));
  EXPECT_THAT(outcome.out, HasSubstr("1 known to be dangerous"));
  EXPECT_THAT(outcome.out, HasSubstr("runs programs"));
  const auto json = nlohmann::json::parse(
      run_coppice({"inspect", kPickles + "evil.legacy.pt", "--json"}).out);
  bool found = false;
  for (const auto& code : json["code"]) {
    found |= code["name"] == "posix.system" && code["calls"] == 1 &&
        code["danger"] == "runs programs";
  }
  EXPECT_TRUE(found);
}

TEST(PickledModel, ThatIsDangerousIsPrunedIfThatIsMeant) {
  const TemporaryFolder folder;
  const auto out = folder.file("out.pt");
  for (const char* name : {"evil.pt", "evil.legacy.pt"}) {
    const std::vector<std::string> prune = {
        "prune", kPickles + name, "-o", out, "--sparsity", "0.5"};
    expect_complaint(
        run_coppice(prune), 2, "`posix.system`, which runs programs");
    EXPECT_THAT(folder.names(), IsEmpty());
    auto dry = prune;
    dry.emplace_back("--dry-run");
    EXPECT_EQ(run_coppice(dry).exit_code, 0);
    auto kept = prune;
    kept.emplace_back("--keep-code");
    const auto outcome = run_coppice(kept);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(dangerous_code(open_checkpoint(out)), nullptr);
    std::filesystem::remove(out);
  }
}

/// What make_pickles.py finds to differ: zeros by tensor.
std::map<std::string, double> changes(
    const std::string& from,
    const std::string& to) {
  std::istringstream lines(run_reference(
      "data/pickles/make_pickles.py", "compare " + from + " " + to));
  std::map<std::string, double> found;
  for (std::string line; std::getline(lines, line);) {
    const auto bar = line.find('|');
    found[line.substr(0, bar)] =
        bar == std::string::npos ? 1 : std::stod(line.substr(bar + 1));
  }
  return found;
}

TEST(PickledModel, IsPrunedForThePythonThatHasItsPackage) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  for (const char* name :
       {"whole.pt",
        "whole.legacy.pt",
        "whole.protocol1.pt",
        "whole.protocol4.pt",
        "runner.pt"}) {
    SCOPED_TRACE(name);
    const TemporaryFolder folder;
    const auto out = folder.file("out.pt");
    const auto outcome = run_coppice(
        {"prune", kPickles + name, "-o", out, "--sparsity", "0.75"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("a buffer of its module"));
    EXPECT_THAT(outcome.out, HasSubstr("an embedding"));
    const auto found = changes(kPickles + name, out);
    for (const char* pruned :
         {"stem.weight",
          "blocks.0.conv.weight",
          "blocks.1.conv.weight",
          "rnn.weight_ih_l0",
          "rnn.weight_hh_l0",
          "fc.weight",
          "tied.weight"}) {
      ASSERT_EQ(found.count(pruned), 1u) << pruned;
      EXPECT_NEAR(found.at(pruned), 0.75, 0.01) << pruned;
    }
    EXPECT_EQ(found.count("done"), 1u);
    EXPECT_EQ(found.size(), 8u);
  }
}

TEST(PickledModel, IsMadeAndReadAnew) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  // The files here are old ones; these are of the PyTorch that is installed.
  const TemporaryFolder folder;
  ASSERT_NE(
      run_reference("data/pickles/make_pickles.py", folder.file(".")), "");
  for (const auto& name : folder.names()) {
    SCOPED_TRACE(name);
    const auto old = open_checkpoint(kPickles + name);
    const auto checkpoint = open_checkpoint(folder.file(name));
    EXPECT_FALSE(checkpoint.code.empty());
    EXPECT_EQ(checkpoint.state.tensors.size(), old.state.tensors.size());
  }
  EXPECT_EQ(folder.names().size(), 9u);
}

} // namespace
} // namespace coppice::cli::pickled_model_program_test
