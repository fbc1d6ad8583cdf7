// `coppice inspect` and `prune` of archives of torch.export, as a user meets
// them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "coppice/io/checkpoint.h"
#include "coppice/masks/measure.h"
#include "coppice/model/torch_tensors.h"
#include "io/rewrite.h"
#include "support/exported_bytes.h"
#include "support/reference_python.h"

namespace coppice::cli::exported_program_test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kData = COPPICE_TESTS "/data/pt2/";

class Exported : public ::testing::Test {
 protected:
  /// The report of a pruned copy, `out_`.
  json prune(const std::string& path, std::vector<std::string> options = {}) {
    options.insert(
        options.begin(),
        {"prune", path, "-o", out_, "--sparsity", "0.5", "--json"});
    const auto outcome = run_coppice(options);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.exit_code == 0 ? json::parse(outcome.out) : json();
  }

  std::string write(const testing::ArchiveBytes& file) const {
    return folder_.write("net.pt2", file.bytes());
  }

  double sparsity_of(const std::string& name) const {
    return sparsity(as_tensor(*open_checkpoint(out_).state.find(name)).clone());
  }

  TemporaryFolder folder_;
  std::string out_ = folder_.file("out.pt2");
};

/// The names of the tensors that a report says are pruned.
std::vector<std::string> pruned_in(const json& report) {
  std::vector<std::string> names;
  for (const auto& tensor : report.at("tensors")) {
    if (tensor.at("result") == "pruned") {
      names.push_back(tensor.at("name"));
    }
  }
  return names;
}

/// That two files differ in nothing but those tensors and checksums.
void expect_else_the_same(
    const std::string& in,
    const std::string& out,
    const std::vector<std::string>& pruned) {
  const auto checkpoint = open_checkpoint(in);
  const auto before = read_file(in);
  auto after = read_file(out);
  ASSERT_EQ(before.size(), after.size());
  const auto put_back = [&](uint64_t begin, uint64_t end) {
    after.replace(begin, end - begin, before.substr(begin, end - begin));
  };
  for (const auto& name : pruned) {
    const auto range = place_of(*checkpoint.state.find(name), checkpoint).range;
    EXPECT_NE(
        before.substr(range.begin, range.end - range.begin),
        after.substr(range.begin, range.end - range.begin));
    put_back(range.begin, range.end);
  }
  for (const auto& checksum : checkpoint.checksums) {
    for (const auto place : checksum.places) {
      put_back(place, place + 4);
    }
  }
  EXPECT_TRUE(before == after);
}

void expect_right_checksums(const std::string& path) {
  if (has_reference()) {
    EXPECT_EQ(run_reference("cli/check_exported.py", path), "done\n");
  }
}

TEST_F(Exported, PrunesWeightsAndNothingElse) {
  const std::map<std::string, std::vector<std::string>> expected{
      {"branch", {"a.weight", "b.weight"}},
      {"conv", {"c1.weight", "c2.weight", "fc.weight"}},
      {"counter", {"l.weight"}},
      {"dicts", {"l.weight"}},
  };
  for (const auto& [model, names] : expected) {
    for (const std::string version : {"_2.6.pt2", "_2.14.pt2"}) {
      SCOPED_TRACE(model + version);
      const auto report = prune(kData + model + version);
      EXPECT_EQ(pruned_in(report), names);
      EXPECT_EQ(report.at("told_by"), "code");
      for (const auto& name : names) {
        EXPECT_NEAR(sparsity_of(name), 0.5, 0.02) << name;
      }
      expect_else_the_same(kData + model + version, out_, names);
      expect_right_checksums(out_);
    }
  }
}

TEST_F(Exported, LeavesEmbeddingsAndNorms) {
  for (const std::string version : {"_2.6.pt2", "_2.14.pt2"}) {
    const auto path = kData + "encoder" + version;
    const auto report = prune(path);
    EXPECT_THAT(
        pruned_in(report),
        ElementsAre(
            "l.self_attn.in_proj_weight",
            "l.self_attn.out_proj.weight",
            "l.linear1.weight",
            "l.linear2.weight",
            "o.weight"));
    expect_else_the_same(path, out_, pruned_in(report));
    expect_right_checksums(out_);
  }
}

TEST_F(Exported, PrunesWhatIsTiedOnce) {
  for (const std::string version : {"_2.6.pt2", "_2.14.pt2"}) {
    const auto path = kData + "tied" + version;
    expect_complaint(
        run_coppice({"prune", path, "-o", out_, "--sparsity", "0.5"}),
        2,
        "an embedding as well");
    const auto report = prune(path, {"--include", "*.weight"});
    EXPECT_THAT(pruned_in(report), ElementsAre("e.weight"));
    EXPECT_EQ(
        report.at("tensors").at(1).at("result"), "left: pruned as `e.weight`");
    EXPECT_EQ(sparsity_of("o.weight"), 0.5);
    expect_else_the_same(path, out_, {"e.weight"});
    expect_right_checksums(out_);
  }
}

TEST_F(Exported, InspectsBothForms) {
  for (const std::string version : {"_2.6.pt2", "_2.14.pt2"}) {
    const auto outcome = run_coppice({"inspect", kData + "conv" + version});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(
        outcome.out,
        AllOf(
            HasSubstr("c1.weight"),
            HasSubstr("bn.running_mean"),
            HasSubstr("torch.export archive: 11 tensors")));
  }
}

TEST_F(Exported, GoesByNamesWhereAnOpIsUnknown) {
  auto file = testing::newer_exported();
  file.replace(
      "net/models/model.json",
      "torch.ops.aten.linear.default",
      "torch.ops.mine.linear.default");
  EXPECT_THAT(pruned_in(prune(write(file))), ElementsAre("fc.weight"));
}

TEST_F(Exported, PacksLosslessly) {
  const auto report = prune(kData + "conv_2.6.pt2");
  const auto packed = folder_.file("packed");
  const auto again = folder_.file("again");
  EXPECT_EQ(run_coppice({"pack", out_, "-o", packed}).exit_code, 0);
  EXPECT_EQ(run_coppice({"unpack", packed, "-o", again}).exit_code, 0);
  EXPECT_EQ(read_file(again), read_file(out_));
}

TEST_F(Exported, SaysWhatIsWrongInOneSentence) {
  auto file = testing::newer_exported();
  file.entries.emplace_back("net/data/aotinductor/model/net.so", "x");
  expect_complaint(run_coppice({"inspect", write(file)}), 2, "AOTInductor");
  file = testing::newer_exported();
  file.replace("net/models/model.json", "\"major\": 8", "\"major\": 9");
  expect_complaint(run_coppice({"inspect", write(file)}), 2, "schema");
  file = testing::newer_exported();
  file.remove("net/data/weights/weight_0");
  expect_complaint(run_coppice({"inspect", write(file)}), 2, "lacks");
  file = testing::newer_exported();
  file.replace(
      "net/data/weights/model_weights_config.json", "weight_1", "../weight_1");
  expect_complaint(
      run_coppice({"inspect", write(file)}), 2, "not a plain file");
}

} // namespace
} // namespace coppice::cli::exported_program_test
