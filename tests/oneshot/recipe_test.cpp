#include "coppice/oneshot/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/errors.h"

namespace coppice::recipe_test {
namespace {

using coppice::testing::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

StoredTensor
tensor(std::string name, std::vector<int64_t> shape, Dtype dtype = Dtype::F32) {
  StoredTensor tensor;
  tensor.name = std::move(name);
  tensor.shape = std::move(shape);
  tensor.dtype = dtype;
  return tensor;
}

TEST(RecipeFromJson, ReadsStagesAsLlmCompressorWritesThem) {
  const auto recipe = recipe_from_json(R"({"stage": {"modifiers": {
      "MagnitudePruningModifier": {"sparsity": 0.5, "mask_structure": "2:4",
          "targets": ["re:.*mlp.*"], "ignore": "lm_head"}}}})");
  ASSERT_EQ(recipe.size(), 1);
  EXPECT_EQ(recipe[0].pattern.sparsity_level, 1);
  EXPECT_EQ(recipe[0].pattern.sparse_block_shape, (BlockShape{1, 4}));
  EXPECT_EQ(recipe[0].pattern.zeros_per_block, 2);
  EXPECT_THAT(recipe[0].targets, ElementsAre("re:.*mlp.*"));
  EXPECT_THAT(recipe[0].ignore, ElementsAre("lm_head"));
}

TEST(RecipeFromJson, TakesTheNamesOfTorchAo) {
  const auto recipe = recipe_from_json(R"({"modifiers": [
      {"WeightNormSparsifier": {"sparsity_level": 0.8,
          "sparse_block_shape": [4, 2], "zeros_per_block": 3, "norm": 1,
          "scope": "global"}},
      {"MagnitudePruningModifier": {"sparsity": 0.5}}]})");
  ASSERT_EQ(recipe.size(), 2);
  EXPECT_EQ(recipe[0].pattern.sparsity_level, 0.8);
  EXPECT_EQ(recipe[0].pattern.sparse_block_shape, (BlockShape{4, 2}));
  EXPECT_EQ(recipe[0].pattern.zeros_per_block, 3);
  EXPECT_EQ(recipe[0].norm, Norm::L1);
  EXPECT_EQ(recipe[0].scope, Scope::Global);
  EXPECT_EQ(recipe[1].pattern.sparse_block_shape, (BlockShape{1, 1}));
  EXPECT_EQ(recipe[1].scope, Scope::Tensor);
}

TEST(RecipeFromJson, ReadsModifiersThatTakeSamples) {
  const auto recipe = recipe_from_json(R"({"stage": {"modifiers": {
      "SparseGPTModifier": {"sparsity": 0.5, "mask_structure": "2:4",
          "block_size": 64, "dampening_frac": 0.1, "sparsity_profile": null,
          "owl_m": null, "preserve_sparsity_mask": "True",
          "targets": ["Linear"], "ignore": ["re:.*lm_head"]},
      "WandaPruningModifier": {"sparsity": 0.3, "mask_structure": "0:0"},
      "ALPSModifier": {"sparsity": 0.8}}}})");
  ASSERT_EQ(recipe.size(), 3);
  EXPECT_EQ(recipe[0].method, PruneMethod::SparseGPT);
  EXPECT_EQ(recipe[0].block_size, 64);
  EXPECT_EQ(recipe[0].dampening, 0.1);
  EXPECT_TRUE(recipe[0].preserve_zeros);
  EXPECT_EQ(recipe[1].method, PruneMethod::Wanda);
  EXPECT_EQ(recipe[1].pattern.sparse_block_shape, (BlockShape{1, 1}));
  EXPECT_EQ(recipe[2].method, PruneMethod::ALPS);
  const auto complaint = [](const std::string& options) {
    return message_of([&] {
      recipe_from_json(R"({"modifiers": {"ALPSModifier": )" + options + "}}");
    });
  };
  EXPECT_THAT(
      complaint(R"({"sparsity": 0.5, "scope": "global"})"),
      HasSubstr("`scope`: is not known"));
  EXPECT_THAT(
      complaint(R"({"sparsity": 0.5, "dampening_frac": -1})"),
      HasSubstr("expected 0 or more"));
}

TEST(RecipeFromJson, ReadsHowLevelsAreAllocated) {
  const auto rule = [](const std::string& options) {
    return recipe_from_json(
        R"({"modifiers": {"WandaPruningModifier": {"sparsity": 0.5, )" +
        options + "}}}")[0];
  };
  EXPECT_EQ(
      rule(R"("sparsity_profile": null)").allocation, Allocation::Uniform);
  EXPECT_EQ(
      rule(R"("sparsity_profile": "None", "owl_m": "None")").allocation,
      Allocation::Uniform);
  EXPECT_EQ(rule(R"("allocation": "erk")").allocation, Allocation::ERK);
  EXPECT_EQ(rule(R"("allocation": "global")").allocation, Allocation::Global);
  const auto owl =
      rule(R"("sparsity_profile": "owl", "owl_m": 7, "owl_lmbda": 0.1)");
  EXPECT_EQ(owl.allocation, Allocation::OWL);
  EXPECT_EQ(owl.owl.multiple, 7);
  EXPECT_EQ(owl.owl.lambda, 0.1);
  EXPECT_EQ(rule(R"("allocation": "owl")").owl.lambda, OwlOptions().lambda);
  const auto complaint = [&](const std::string& options) {
    return message_of([&] { rule(options); });
  };
  EXPECT_THAT(
      complaint(R"("sparsity_profile": "vowel")"), HasSubstr("expected `owl`"));
  EXPECT_THAT(
      complaint(R"("sparsity_profile": "owl", "allocation": "owl")"),
      HasSubstr("means the same as `sparsity_profile`"));
  EXPECT_THAT(
      complaint(R"("allocation": "costs.json")"),
      HasSubstr("expected `uniform`, `erk`, `global` or `owl`"));
  EXPECT_THAT(complaint(R"("allocation": 1)"), HasSubstr("got 1"));
  EXPECT_THAT(
      complaint(R"("owl_m": 5)"), HasSubstr("without `sparsity_profile: owl`"));
  EXPECT_THAT(
      complaint(R"("sparsity_profile": "owl", "owl_lmbda": 0.3)"),
      HasSubstr("expected 0 to 0.25"));
  EXPECT_THAT(
      complaint(R"("sparsity_profile": "owl", "owl_m": "5")"),
      HasSubstr("expected a number"));
}

TEST(RecipeFromJson, TakesGroupsOfModifiersAndRunTypes) {
  const auto recipe = recipe_from_json(R"({"sparsity_stage": {
      "run_type": "oneshot", "sparsity_modifiers": {"SparseGPTModifier":
          {"sparsity": 0.25, "mask_structure": "1:4", "targets": "__ALL__",
          "sequential_update": false}}},
      "more_modifiers": {"MagnitudePruningModifier":
          {"sparsity": 0.75, "mask_structure": "1:4"}}})");
  ASSERT_EQ(recipe.size(), 2);
  EXPECT_EQ(recipe[0].pattern.zeros_per_block, 1);
  EXPECT_TRUE(recipe[0].targets.empty());
  EXPECT_TRUE(recipe[0].targets_reach_within);
  EXPECT_EQ(recipe[1].pattern.zeros_per_block, 3);
  EXPECT_FALSE(recipe[1].targets_reach_within);
}

std::string complaint_about(const std::string& options) {
  return message_of([&] {
    recipe_from_json(
        R"({"modifiers": {"MagnitudePruningModifier": )" + options + "}}");
  });
}

TEST(RecipeFromJson, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(message_of([] { recipe_from_json("{"); }), HasSubstr("stages"));
  EXPECT_THAT(
      message_of([] { recipe_from_json(R"({"stage": {}})"); }),
      HasSubstr("stage `stage` has no `modifiers`"));
  EXPECT_THAT(
      message_of([] {
        recipe_from_json(R"({"modifiers": {"QuantizationModifier": {}}})");
      }),
      HasSubstr("QuantizationModifier"));
  EXPECT_THAT(
      complaint_about(R"({"sparsty": 1})"), HasSubstr("nearest is `sparsity`"));
  EXPECT_THAT(complaint_about("{}"), HasSubstr("no sparsity"));
  EXPECT_THAT(complaint_about(R"({"sparsity": 2})"), HasSubstr("[0, 1]"));
  EXPECT_THAT(complaint_about(R"({"sparsity": "a"})"), HasSubstr("a number"));
  EXPECT_THAT(
      complaint_about(R"({"sparsity": 0.9, "mask_structure": "2:4"})"),
      HasSubstr("means a sparsity of 0.5"));
  EXPECT_THAT(
      complaint_about(R"({"sparsity": 1, "sparse_block_shape": [0, 4]})"),
      HasSubstr("[rows, cols]"));
  EXPECT_THAT(
      complaint_about(R"({"sparsity": 1, "zeros_per_block": 2})"),
      HasSubstr("0 to 1"));
  EXPECT_THAT(
      complaint_about(R"({"sparsity": 1, "norm": 3})"), HasSubstr("1 or 2"));
  EXPECT_THAT(
      complaint_about(R"({"sparsity": 1, "scope": "all"})"),
      HasSubstr("`tensor` or `global`"));
  EXPECT_THAT(
      complaint_about(R"({"sparsity": 1, "targets": [1]})"),
      HasSubstr("names"));
}

TEST(WhyLeftByDefault, PrunesWeightsOfLayers) {
  for (const char* name :
       {"weight",
        "fc1.weight",
        "model.layers.0.self_attn.q_proj.weight",
        "module.conv1.weight",
        "lstm.weight_hh_l0",
        "attention.out_proj.weight"}) {
    EXPECT_EQ(why_left_by_default(tensor(name, {8, 8})), "") << name;
  }
  EXPECT_EQ(why_left_by_default(tensor("c.weight", {8, 4, 3, 3})), "");
}

TEST(WhyLeftByDefault, LeavesAllElse) {
  const auto reason = [](const char* name) {
    return why_left_by_default(tensor(name, {8, 8}));
  };
  EXPECT_EQ(reason("tok_embeddings.weight"), "an embedding");
  EXPECT_EQ(reason("transformer.wte.weight"), "an embedding");
  EXPECT_EQ(reason("rotary_emb.cos"), "a position table");
  EXPECT_EQ(reason("lm_head.weight"), "an output layer");
  EXPECT_EQ(reason("classifier.weight"), "an output layer");
  EXPECT_EQ(reason("fc.parametrizations.weight.0.mask"), "a mask");
  EXPECT_EQ(reason("attn.bias"), "a bias");
  EXPECT_EQ(reason("optimizer.state.0.exp_avg"), "state of an optimizer");
  EXPECT_EQ(
      why_left_by_default(tensor("a.weight", {8, 8}, Dtype::I8)),
      "not floating");
  EXPECT_EQ(why_left_by_default(tensor("a.bias", {8})), "one dimension");
  EXPECT_EQ(why_left_by_default(tensor("a.scale", {})), "a single number");
  EXPECT_EQ(why_left_by_default(tensor("a.weight", {0, 8})), "empty");
}

TEST(MatchesTarget, ByGlobRegexModuleAndClass) {
  const auto weight = tensor("encoder.0.fc1.weight", {8, 8});
  for (const char* target :
       {"encoder.0.fc1.weight",
        "encoder.0.fc1",
        "*.fc1",
        "re:.*fc[12]",
        "re:encoder",
        "Linear"}) {
    EXPECT_TRUE(matches_target(target, weight)) << target;
  }
  for (const char* target : {"fc1", "encoder.0", "re:fc1", "Conv2d", ""}) {
    EXPECT_FALSE(matches_target(target, weight)) << target;
  }
  EXPECT_TRUE(matches_target("Conv2d", tensor("c.weight", {8, 4, 3, 3})));
  EXPECT_THAT(
      message_of([&] { matches_target("re:(", weight); }),
      HasSubstr("not a valid regular expression"));
}

} // namespace
} // namespace coppice::recipe_test
