// The command `coppice prune`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/child.h"
#include "cli/tensor_file.h"
#include "coppice/io/checkpoint.h"
#include "coppice/io/safetensors.h"
#include "coppice/masks/measure.h"
#include "coppice/model/torch_tensors.h"

namespace coppice::cli::prune_program_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Prune : public ::testing::Test {
 protected:
  Prune() {
    torch::manual_seed(1);
    save_tensors(
        in_,
        {{"fc1.weight", torch::randn({64, 48})},
         {"fc1.bias", torch::randn({64})},
         {"lm_head.weight", torch::randn({16, 64})}});
  }

  Outcome prune(std::vector<std::string> options) const {
    options.insert(options.begin(), {"prune", in_, "-o", out_});
    return run_coppice(options);
  }

  torch::Tensor pruned(const std::string& name) const {
    return as_tensor(*open_checkpoint(out_).state.find(name)).clone();
  }

  void expect_refused(
      const std::vector<std::string>& options,
      const std::string& part) const {
    expect_complaint(prune(options), 2, part);
    EXPECT_THAT(folder_.names(), UnorderedElementsAre("in"));
  }

  TemporaryFolder folder_;
  std::string in_ = folder_.file("in");
  std::string out_ = folder_.file("out");
};

TEST_F(Prune, WritesACopyAndATable) {
  const auto outcome = prune({"--sparsity", "0.75"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("75.00%  pruned"));
  EXPECT_THAT(outcome.out, HasSubstr("left: one dimension"));
  EXPECT_THAT(outcome.out, HasSubstr("left: an output layer"));
  EXPECT_THAT(outcome.out, HasSubstr("1 of 3 tensors pruned"));
  EXPECT_THAT(outcome.err, IsEmpty()); // No progress bar without a terminal.
  EXPECT_EQ(sparsity(pruned("fc1.weight")), 0.75);
  EXPECT_EQ(sparsity(pruned("lm_head.weight")), 0);
}

TEST_F(Prune, TakesPatternsBlocksAndNames) {
  EXPECT_EQ(prune({"--pattern", "2:4"}).exit_code, 0);
  EXPECT_EQ(nm_conformity(pruned("fc1.weight"), {2, 4}), 1);
  EXPECT_EQ(
      prune({"--sparsity", "0.5", "--block", "4x1", "--norm", "1"}).exit_code,
      0);
  EXPECT_EQ(detect_block(pruned("fc1.weight")), (BlockShape{4, 1}));
  EXPECT_EQ(
      prune({"--sparsity", "0.5", "--include", "lm_*", "--include", "fc1"})
          .exit_code,
      0);
  EXPECT_EQ(sparsity(pruned("lm_head.weight")), 0.5);
  EXPECT_EQ(
      prune({"--sparsity", "0.5", "--include", "*", "--exclude", "fc1"})
          .exit_code,
      0);
  EXPECT_EQ(sparsity(pruned("fc1.weight")), 0);
}

TEST_F(Prune, PrintsNothingButJsonWhenAsked) {
  const auto outcome =
      run_coppice({"prune", in_, "--sparsity", "0.5", "--dry-run", "--json"});
  const auto result = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(result["sparsity"], 0.5);
  EXPECT_EQ(result["reached"], true);
  EXPECT_TRUE(result["output"].is_null());
  EXPECT_EQ(result["tensors"][1]["name"], "fc1.weight");
  EXPECT_EQ(result["tensors"][1]["after"], 0.5);
  EXPECT_THAT(folder_.names(), UnorderedElementsAre("in"));
}

TEST_F(Prune, FollowsARecipe) {
  const TemporaryFolder recipes;
  const auto yaml = recipes.write("recipe.yaml", R"(
stage:
  modifiers:
    MagnitudePruningModifier:
      mask_structure: 2:4
      targets: ["re:fc"]
    WeightNormSparsifier:
      sparsity_level: 0.25
      targets: lm_head.*
)");
  const auto outcome = prune({"--recipe", yaml});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(nm_conformity(pruned("fc1.weight"), {2, 4}), 1);
  EXPECT_EQ(sparsity(pruned("lm_head.weight")), 0.25);
}

TEST_F(Prune, RefusesARecipeThatIsNone) {
  const TemporaryFolder recipes;
  expect_refused({"--recipe", recipes.file("none")}, "none");
  expect_refused({"--recipe", recipes.write("a", "{")}, "is not a recipe");
  expect_refused({"--recipe", recipes.write("b", "a: 1")}, "`modifiers`");
  expect_refused(
      {"--recipe", recipes.write("c", "modifiers: {WandaModifier: {}}")},
      "WandaModifier");
  // Nine aliases of nine aliases of ...
  std::string bomb = "a0: &a0 [x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) {
      bomb += before + (j < 8 ? ", " : "]\n");
    }
  }
  expect_refused({"--recipe", recipes.write("d", bomb)}, "too large");
  expect_refused(
      {"--recipe", recipes.write("e", "{}"), "--sparsity", "0.5"},
      "--sparsity");
}

TEST_F(Prune, SaysWhatIsWrongWithTheCommandLine) {
  expect_refused({}, "say what to prune");
  expect_refused({"--sparsity", "1.5"}, "--sparsity");
  expect_refused({"--sparsity", "0.5", "--block", "2:4"}, "--block");
  expect_refused({"--sparsity", "0.5", "--block", "0x4"}, "0x4");
  expect_refused({"--block", "1x4", "--pattern", "2:4"}, "--block");
  expect_refused({"--pattern", "2:4", "--sparsity", "0.9"}, "0.5");
  expect_refused({"--sparsity", "0.5", "--norm", "3"}, "--norm");
  expect_refused({"--sparsity", "0.5", "--scope", "all"}, "--scope");
  expect_refused(
      {"--sparsity", "0.5", "--include", "fc2.weight"}, "`fc1.weight`");
  expect_refused({"--sparsity", "0.5", "--include", "re:("}, "re:(");
  expect_complaint(run_coppice({"prune", in_, "--sparsity", ".5"}), 2, "-o");
  expect_complaint(
      run_coppice({"prune", in_, "-o", in_, "--sparsity", ".5"}),
      1,
      "the input itself");
  expect_complaint(
      run_coppice(
          {"prune", in_, "-o", folder_.file("no/out"), "--sparsity", ".5"}),
      1,
      "no/out");
}

TEST_F(Prune, RefusesBrokenFilesAtOnce) {
  const auto whole = read_file(in_);
  const TemporaryFolder broken;
  std::string huge_header(whole);
  huge_header[6] = '\x7f';
  const std::string evil(
      "\x80\x02"
      "cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
      26);
  const std::vector<std::pair<std::string, std::string>> files{
      {"cut", whole.substr(0, whole.size() - 1)},
      {"header", huge_header},
      {"twice", R"({"weight_map": {"a": "in", "a": "in"}})"},
      {"away", R"({"weight_map": {"a": "../in"}})"},
      {"deep", std::string(100000, '[')},
      {"pickle", evil},
      {"zip", "PK\x03\x04 and no more"}};
  for (const auto& [name, bytes] : files) {
    const auto outcome = run_coppice(
        {"prune", broken.write(name, bytes), "-o", out_, "--sparsity", "0.5"});
    expect_complaint(outcome, 2, name);
    EXPECT_THAT(folder_.names(), UnorderedElementsAre("in"));
  }
}

TEST_F(Prune, EndsWithOneIfTheSparsityIsNotReached) {
  const auto outcome =
      prune({"--sparsity", "0.9", "--block", "64x48", "--include", "fc1"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("not reached"));
  EXPECT_THAT(outcome.err, HasSubstr("was not reached"));
}

TEST_F(Prune, AUsualRecipeLeavesEmbeddings) {
  save_tensors(
      in_,
      {{"model.embed_tokens.weight", torch::randn({32, 16})},
       {"model.q_proj.weight", torch::randn({16, 16})},
       {"lm_head.weight", torch::randn({32, 16})}});
  const TemporaryFolder recipes;
  const auto yaml = recipes.write("recipe.yaml", R"(
stage:
  modifiers:
    MagnitudePruningModifier:
      sparsity: 0.5
      mask_structure: "2:4"
      targets: ["Linear"]
      ignore: ["re:.*lm_head"]
)");
  const auto outcome = prune({"--recipe", yaml});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("left: an embedding"));
  EXPECT_EQ(sparsity(pruned("model.embed_tokens.weight")), 0);
  EXPECT_EQ(nm_conformity(pruned("model.q_proj.weight"), {2, 4}), 1);
}

TEST_F(Prune, ReadsTransposedWeightsIfAsked) {
  StateDict state;
  const std::string name = "transformer.h.0.attn.c_attn.weight";
  state.tensors = {as_stored(name, torch::randn({16, 48}))};
  save_safetensors(in_, state);
  auto outcome = prune({"--pattern", "2:4"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("runs along outputs"));
  outcome = prune({"--pattern", "2:4", "--transposed", "*.c_attn"});
  EXPECT_THAT(outcome.out, HasSubstr("read as [in, out]"));
  EXPECT_EQ(nm_conformity(pruned(name).t().contiguous(), {2, 4}), 1);
  expect_complaint(
      prune({"--pattern", "2:4", "--transposed", "*.c_atn"}), 2, "c_atn");
}

TEST_F(Prune, NamesAWeightThatIsNoNumber) {
  save_tensors(
      in_,
      {{"a.weight", torch::full({4, 4}, NAN)},
       {"b.weight", torch::randn({4, 4})}});
  expect_refused({"--sparsity", "0.5"}, "`--exclude a.weight`");
  EXPECT_EQ(prune({"--sparsity", "0.5", "--exclude", "a.weight"}).exit_code, 0);
}

TEST_F(Prune, AndInspectCountWhatMasksDrop) {
  StateDict state;
  const auto mask = torch::rand({16, 16}).gt(0.75).to(torch::kFloat);
  state.tensors = {
      as_stored("fc.weight_orig", torch::randn({16, 16})),
      as_stored("fc.weight_mask", mask)};
  save_safetensors(in_, state);
  const auto shown =
      nlohmann::json::parse(run_coppice({"inspect", in_, "--json"}).out);
  const double masked = sparsity(mask);
  for (const auto& tensor : shown["tensors"]) {
    EXPECT_EQ(tensor["sparsity"], masked);
  }
  EXPECT_EQ(shown["sparsity"], masked);
  ASSERT_EQ(prune({"--sparsity", "0.875"}).exit_code, 0);
  EXPECT_EQ(sparsity(pruned("fc.weight_orig") * mask), 0.875);
  EXPECT_TRUE(pruned("fc.weight_mask").equal(mask));
  EXPECT_THAT(
      run_coppice({"inspect", out_}).out, HasSubstr("with fc.weight_mask"));
}

TEST_F(Prune, LeavesTheOldFileOrTheNewOneWhenKilled) {
  save_tensors(in_, {{"fc1.weight", torch::randn({2048, 2048})}});
  ASSERT_EQ(prune({"--sparsity", "0.5"}).exit_code, 0);
  const auto finished = read_file(out_);
  for (int delay = 0; delay < 1000; delay += 130) {
    folder_.write("out", "old");
    {
      const Child child(
          {COPPICE_PROGRAM, "prune", in_, "-o", out_, "--sparsity", "0.5"});
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
      child.signal(SIGKILL);
    }
    const auto left = read_file(out_);
    EXPECT_TRUE(left == "old" || left == finished);
  }
}

TEST_F(Prune, LeavesTheOldFileIfTheDiskIsFull) {
  folder_.write("out", "old");
  // A file size limit simulates a full disk.
  const auto outcome =
      Child({"sh",
             "-c",
             "trap '' XFSZ; ulimit -f 4; exec " COPPICE_PROGRAM " prune " +
                 in_ + " -o " + out_ + " --sparsity 0.5"})
          .wait();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("cannot be written"));
  EXPECT_EQ(read_file(out_), "old");
  EXPECT_THAT(folder_.names(), UnorderedElementsAre("in", "out"));
}

} // namespace
} // namespace coppice::cli::prune_program_test
