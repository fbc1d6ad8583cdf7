// Checkpoints of public reports through `coppice prune`: changes and messages.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <map>

#include "cli/case_files.h"
#include "coppice/io/checkpoint.h"
#include "coppice/masks/measure.h"
#include "coppice/model/torch_tensors.h"

namespace coppice::cli::case_checkpoints_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// Whether a tensor changed; changed values must be 0.
bool has_changed(const StoredTensor& old, const StoredTensor& now) {
  EXPECT_EQ(old.shape, now.shape);
  EXPECT_EQ(old.strides, now.strides);
  const auto type = scalar_type_of(old.dtype);
  if (!type || c10::isQIntType(*type)) {
    return std::memcmp(old.data, now.data, old.nbytes()) != 0;
  }
  const auto a = as_tensor(old);
  const auto b = as_tensor(now);
  EXPECT_TRUE(a.eq(b).logical_or(b.eq(0)).all().item<bool>()) << old.name;
  return !a.equal(b);
}

class CaseCheckpoints : public CaseFiles {
 protected:
  /// The report of `coppice prune` on one of the case's files.
  nlohmann::json prune(
      const std::string& name,
      const std::vector<std::string>& options = {"--sparsity", "0.5"}) const {
    std::vector<std::string> arguments{
        "prune", file(name), "-o", out_, "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto outcome = run_coppice(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << name << ": " << outcome.err;
    return nlohmann::json::parse(outcome.out);
  }

  /// The names of the tensors that changed; changed values must be 0.
  std::vector<std::string> changed(
      const std::string& name,
      const std::string& output = "out") const {
    const auto before = open_checkpoint(file(name));
    const auto after = open_checkpoint(file(output));
    EXPECT_EQ(before.state.tensors.size(), after.state.tensors.size());
    std::vector<std::string> names;
    for (const auto& old : before.state.tensors) {
      const auto* now = after.state.find(old.name);
      if (now == nullptr) {
        ADD_FAILURE() << old.name << " is gone";
      } else if (has_changed(old, *now)) {
        names.push_back(old.name);
      }
    }
    return names;
  }

  static std::string result_of(
      const nlohmann::json& report,
      const std::string& name) {
    return row_of(report["tensors"], "name", name)["result"];
  }

  torch::Tensor pruned(const std::string& name) const {
    return as_tensor(*open_checkpoint(out_).state.find(name)).clone();
  }
};

TEST_F(CaseCheckpoints, GainsOfAWeightNormAreLeft) {
  make("c02_parametrized.py");
  const auto report = prune("c02.pt");
  const std::string weight = "conv.parametrizations.weight.original";
  EXPECT_THAT(changed("c02.pt"), UnorderedElementsAre(weight + "1"));
  EXPECT_EQ(sparsity(pruned(weight + "1")), 0.5);
  EXPECT_THAT(result_of(report, weight + "0"), HasSubstr("gain of a weight"));
}

TEST_F(CaseCheckpoints, AnchorsAndFixedFiltersAreLeft) {
  make("c04_yolo_anchors.py");
  const auto report = prune("c04.pt");
  EXPECT_THAT(
      changed("c04.pt"), UnorderedElementsAre("model.model.24.m.0.weight"));
  for (const std::string name : {"anchors", "anchor_grid"}) {
    EXPECT_EQ(result_of(report, "model.model.24." + name), "left: anchors");
  }
  EXPECT_EQ(
      result_of(report, "model.model.22.dfl.conv.weight"),
      "left: a fixed filter");
}

TEST_F(CaseCheckpoints, StatisticsOfInputsAreLeft) {
  make("c06_mean_std.py");
  for (const std::string name : {"c06.pt", "c06_sd.pt"}) {
    const auto report = prune(name);
    EXPECT_THAT(changed(name), UnorderedElementsAre("conv.weight", "fc.weight"))
        << name;
    const std::string why =
        name == "c06.pt" ? "left: a buffer of its module" : "left: a statistic";
    EXPECT_EQ(result_of(report, "mean"), why);
    EXPECT_EQ(result_of(report, "std"), why);
  }
  prune("c06.pt");
  const auto x = torch::rand({2, 3, 8, 8});
  const auto y = torch::jit::load(out_).forward({x}).toTensor();
  EXPECT_TRUE(y.isfinite().all().item<bool>());
}

TEST_F(CaseCheckpoints, AClassWordOfARecipeMeansLayers) {
  make("c08_llm_recipe.py");
  const auto report = prune("c08.safetensors", {"--recipe", file("c08.yaml")});
  const std::string layer = "model.layers.0.";
  const std::vector<std::string> weights{
      layer + "self_attn.q_proj.weight",
      layer + "mlp.gate_proj.weight",
      layer + "mlp.down_proj.weight"};
  EXPECT_THAT(
      changed("c08.safetensors"),
      ::testing::UnorderedElementsAreArray(weights));
  for (const auto& name : weights) {
    EXPECT_EQ(sparsity(pruned(name)), 0.5);
    EXPECT_EQ(nm_conformity(pruned(name), {2, 4}), 1);
  }
  EXPECT_EQ(
      result_of(report, "model.embed_tokens.weight"), "left: an embedding");
  EXPECT_EQ(result_of(report, "lm_head.weight"), "left: ignored");
}

TEST_F(CaseCheckpoints, SharedEmbeddingsAndTablesOfBiasesAreLeft) {
  make("c09_t5_shared.py");
  const auto report = prune("c09.safetensors");
  EXPECT_THAT(
      changed("c09.safetensors"),
      UnorderedElementsAre(
          "encoder.block.0.layer.0.SelfAttention.q.weight",
          "decoder.block.0.layer.0.SelfAttention.q.weight"));
  EXPECT_EQ(result_of(report, "shared.weight"), "left: an embedding");
}

TEST_F(CaseCheckpoints, WeightsStoredTheOtherWayRoundAreSaidAndCanBeTold) {
  make("c10_gpt2_conv1d.py");
  const std::string name = "transformer.h.0.attn.c_attn.weight";
  auto report = prune("c10.safetensors", {"--pattern", "2:4"});
  EXPECT_THAT(
      row_of(report["tensors"], "name", name)["note"].get<std::string>(),
      HasSubstr("runs along outputs"));
  report =
      prune("c10.safetensors", {"--pattern", "2:4", "--transposed", "*.h.*"});
  for (const auto& row : report["tensors"]) {
    EXPECT_EQ(row["note"], "read as [in, out]");
    const auto weight = pruned(row["name"]);
    EXPECT_EQ(sparsity(weight), 0.5);
    EXPECT_EQ(nm_conformity(weight.t().contiguous(), {2, 4}), 1);
    EXPECT_LT(nm_conformity(weight, {2, 4}), 1);
  }
}

TEST_F(CaseCheckpoints, WhatCameInPlaceOfAModelIsSaid) {
  make("c14_pointer_html.py");
  const std::map<std::string, std::string> said{
      {"c14_lfs.safetensors", "`git lfs pull`"},
      {"c14_lfs.pt", "`git lfs pull`"},
      {"c14_html.pt", "a web page"},
      {"c14_json_err.safetensors", "`Repository not found`"}};
  for (const auto& [name, part] : said) {
    expect_complaint(run_coppice({"inspect", file(name)}), 2, part);
    expect_complaint(
        run_coppice({"prune", file(name), "-o", out_, "--sparsity", "0.5"}),
        2,
        part);
    EXPECT_FALSE(std::filesystem::exists(out_));
  }
  expect_complaint(
      run_coppice(
          {"compile", file("c14_lfs.pt"), "-o", out_, "--input", "1x8"}),
      2,
      "`git lfs pull`");
}

/// Odd tensors that are rejected, and the reasons.
const std::map<std::string, std::string> kRefused{
    {"c19_chalf.pt", "without data.pkl"}, // Python could not write it.
    {"c19_clash.pt", "two tensors of the name `a.b`"},
    {"c19_clash2.pt", "two tensors of the name `1`"},
    {"c19_flat.pt", "shares its values with `flat_param`"},
    {"c19_tied.pt", "shares its values with `emb.weight`"},
    {"c19_qkv_views.pt", "different views of the same values"},
    {"c19_nan.pt", "--exclude a.weight"},
    {"c19_inf16.pt", "--exclude a.weight"}};

/// The names of the tensors that a report says were pruned.
std::vector<std::string> said_pruned(const Outcome& outcome) {
  std::vector<std::string> names;
  const auto report = nlohmann::json::parse(outcome.out);
  for (const auto& row : report["tensors"]) {
    if (row["result"] == "pruned") {
      names.push_back(row["name"]);
    }
  }
  return names;
}

TEST_F(CaseCheckpoints, OddTensorsChangeOnlyWhereItIsSaid) {
  make("c19_odd_tensors.py");
  std::vector<std::string> names = folder_.names();
  names.erase(
      std::remove_if(
          names.begin(),
          names.end(),
          [](const auto& name) { return name.rfind("c19_", 0) != 0; }),
      names.end());
  EXPECT_GE(names.size(), 30U);
  // Starting the program takes longer than pruning these: several per run.
  std::vector<std::future<Outcome>> outcomes;
  constexpr size_t kAtOnce = 4;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i >= kAtOnce) {
      outcomes[i - kAtOnce].wait();
    }
    outcomes.push_back(std::async(std::launch::async, [&, i] {
      return run_coppice(
          {"prune",
           file(names[i]),
           "-o",
           file(names[i] + ".out"),
           "--json",
           "--sparsity",
           "0.5"});
    }));
  }
  for (size_t i = 0; i < names.size(); ++i) {
    SCOPED_TRACE(names[i]);
    const auto outcome = outcomes[i].get();
    if (const auto found = kRefused.find(names[i]); found != kRefused.end()) {
      expect_complaint(outcome, 2, found->second);
      continue;
    }
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto said = said_pruned(outcome);
    EXPECT_FALSE(said.empty());
    EXPECT_EQ(changed(names[i], names[i] + ".out"), said);
    EXPECT_EQ(
        std::filesystem::file_size(file(names[i])),
        std::filesystem::file_size(file(names[i] + ".out")));
  }
}

TEST_F(CaseCheckpoints, ATensorUnderAnotherIsSeen) {
  make_by(
      "w = torch.randn(16, 16)\n"
      "torch.save({'norm.weight': w.view(-1)[24:40], 'a.weight': w,\n"
      "            'b.weight': torch.randn(8, 8)}, 'c19_inner_view.pt')\n");
  auto report = prune("c19_inner_view.pt");
  EXPECT_THAT(changed("c19_inner_view.pt"), UnorderedElementsAre("b.weight"));
  EXPECT_THAT(
      result_of(report, "a.weight"),
      HasSubstr("shares its values with `norm.weight`"));
  report = prune(
      "c19_inner_view.pt", {"--sparsity", "0.5", "--include", "a.weight"});
  EXPECT_THAT(
      changed("c19_inner_view.pt"),
      UnorderedElementsAre("a.weight", "norm.weight"));
  EXPECT_THAT(
      row_of(report["tensors"], "name", "norm.weight")["note"]
          .get<std::string>(),
      HasSubstr("shares bytes with `a.weight`"));
}

} // namespace
} // namespace coppice::cli::case_checkpoints_test
