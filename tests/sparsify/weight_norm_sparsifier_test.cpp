// docs/reference.md 7.2, WeightNorm.*, and docs/reference.md 8.

#include "coppice/sparsify/weight_norm_sparsifier.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "coppice/masks/measure.h"
#include "support/errors.h"
#include "support/golden.h"
#include "support/models.h"

namespace coppice::weight_norm_sparsifier_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::SimpleLinear;

// docs/reference.md 7.2, WeightNorm.test_constructor.
TEST(WeightNormTestConstructor, TakesTheFiveLinearLayers) {
  SimpleLinear model;
  WeightNormSparsifier sparsifier;
  sparsifier.prepare(model);
  EXPECT_EQ(sparsifier.groups().size(), 5u);
  for (const auto& group : sparsifier.groups()) {
    EXPECT_EQ(group.tensor_name, "weight");
  }
}

// docs/reference.md 7.2, WeightNorm.test_step.
TEST(WeightNormTestStep, DropsHalfAndKeepsOnDropping) {
  torch::manual_seed(0);
  SimpleLinear model;
  WeightNormSparsifier sparsifier(WeightNormOptions().sparsity_level(0.5));
  sparsifier.prepare(model, {{"linear1.weight"}});
  EXPECT_EQ(sparsity(model.linear1->weight), 0);
  sparsifier.step();
  EXPECT_EQ(sparsity(model.linear1->weight), 0.5);
  for (int round = 0; round < 1000; ++round) {
    {
      const torch::NoGradGuard no_grad;
      model.linear1->weight.copy_(torch::randn({4, 4}));
    }
    sparsifier.step();
    // The reference's test writes to a temporary; here the weights change.
    ASSERT_EQ(sparsity(model.linear1->weight), 0.5) << "round " << round;
  }
}

// docs/reference.md 7.2, WeightNorm.test_step_2_of_4.
TEST(WeightNormTestStep2Of4, DropsTwoOfFour) {
  SimpleLinear model;
  WeightNormSparsifier sparsifier(
      WeightNormOptions().sparsity_level(1.0).zeros_per_block(2));
  sparsifier.prepare(model, {{"linear1.weight"}});
  sparsifier.step();
  EXPECT_EQ(sparsity(model.linear1->weight), 0.5);
  EXPECT_EQ(nm_conformity(model.linear1->weight, {2, 4}), 1);
}

// docs/reference.md 7.2, WeightNorm.test_prepare and test_mask_squash.
TEST(WeightNormTestMaskSquash, KeepsZerosAfterTheSparsifierIsGone) {
  SimpleLinear model;
  {
    WeightNormSparsifier sparsifier;
    sparsifier.prepare(model);
    sparsifier.step();
    sparsifier.squash_mask();
  }
  EXPECT_EQ(sparsity(model.linear1->weight), 0.5);
}

// docs/reference.md 7.2, WeightNorm.test_sparsity_levels, through the
// sparsifier: levels beyond [0, 1] come from schedulers and are clamped.
TEST(WeightNormTestSparsityLevels, DropsTheAskedShareOfEqualWeights) {
  for (const double level : {-1.0, 0.0, 0.5, 1.0, 2.0}) {
    for (const BlockShape block : {BlockShape{1, 1}, {1, 4}, {2, 2}, {4, 1}}) {
      for (int64_t zeros = 0; zeros <= block.size(); ++zeros) {
        auto model = testing::one_linear(torch::ones({12, 12}));
        WeightNormSparsifier sparsifier(
            WeightNormOptions().sparse_block_shape(block).zeros_per_block(
                zeros));
        sparsifier.prepare(*model);
        sparsifier.set_sparsity_levels({level});
        sparsifier.step();
        const double expected = std::min(std::max(level, 0.0), 1.0) *
            static_cast<double>(zeros) / static_cast<double>(block.size());
        EXPECT_EQ(sparsity(model->parameters()[0]), expected)
            << "level " << level << " block " << block << " zeros " << zeros;
      }
    }
  }
}

// `sequences` of golden/weight_norm.json: several steps on one layer whose
// dense weight is written between them; scores are taken of the masked weight.
TEST(WeightNormGolden, FollowsTheRecordedSequences) {
  const auto golden = testing::golden("weight_norm.json");
  ASSERT_EQ(golden["sequences"].size(), 6u);
  for (const auto& sequence : golden["sequences"]) {
    const auto& steps = sequence["steps"];
    auto model =
        testing::one_linear(testing::golden_tensor(steps[0]["dense_before"]));
    const auto weight = model->parameters()[0];
    WeightNormSparsifier sparsifier(
        WeightNormOptions()
            .sparse_block_shape({sequence["block"][0], sequence["block"][1]})
            .zeros_per_block(sequence["zpb"])
            .norm(Norm::L1));
    sparsifier.prepare(*model);
    for (const auto& step : steps) {
      {
        const torch::NoGradGuard no_grad;
        weight.copy_(testing::golden_tensor(step["dense_before"]));
      }
      sparsifier.set_sparsity_levels({step["level"].get<double>()});
      sparsifier.step();
      EXPECT_TRUE(sparsifier.mask("0.weight")
                      .equal(testing::golden_tensor(step["mask_after"])));
      EXPECT_TRUE(weight.equal(testing::golden_tensor(step["weight_after"])));
    }
  }
}

// Quirk 1: what is dropped scores zero and stays dropped; regrowth is an
// option.
/// Drops row 0 at even steps, whatever the norms say.
class DropsRowZeroAtEvenSteps : public WeightNormSparsifier {
 protected:
  torch::Tensor update_mask(Group& group) override {
    auto mask = torch::ones_like(group.mask());
    mask[0] = step_count() % 2 != 0;
    return mask;
  }
};

TEST(WeightNormSubclass, BringsBackWhatWasWrittenToADroppedEntry) {
  SimpleLinear model;
  DropsRowZeroAtEvenSteps sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  sparsifier.step();
  sparsifier.step();
  EXPECT_TRUE(model.linear1->weight[0].eq(0).all().item<bool>());
  {
    const torch::NoGradGuard no_grad;
    model.linear1->weight[0].fill_(7);
  }
  sparsifier.step();
  EXPECT_TRUE(model.linear1->weight[0].eq(7).all().item<bool>());
}

/// Edits the mask of its base class: keeps the first row.
class KeepsRowZero : public WeightNormSparsifier {
 protected:
  torch::Tensor update_mask(Group& group) override {
    auto mask = WeightNormSparsifier::update_mask(group);
    mask[0] = keeps;
    return mask;
  }

 public:
  bool keeps = false;
};

TEST(WeightNormSubclass, MayEditTheMaskOfItsBaseClass) {
  torch::manual_seed(0);
  // Large enough for the fused pass, which writes no mask if nothing changes.
  const auto weight = torch::randn({520, 512});
  const auto before = weight.clone();
  KeepsRowZero sparsifier;
  sparsifier.prepare(ModelView({{"weight", weight}}), {{"weight"}});
  for (int i = 0; i < 3; ++i) {
    sparsifier.step();
    EXPECT_FALSE(sparsifier.mask("weight")[0].any().item<bool>());
    EXPECT_EQ(weight[0].count_nonzero().item<int64_t>(), 0);
  }
  sparsifier.keeps = true;
  sparsifier.step();
  EXPECT_TRUE(weight[0].equal(before[0]));
}

TEST(WeightNormRegrowth, LetsADroppedValueReturn) {
  for (const bool regrowth : {false, true}) {
    const auto weight = torch::tensor({{1.f, 2.f, 3.f, 4.f}});
    WeightNormSparsifier sparsifier(WeightNormOptions()
                                        .sparsity_level(0.5)
                                        .sparse_block_shape({1, 1})
                                        .regrowth(regrowth));
    sparsifier.prepare({{{"w", weight}}});
    sparsifier.step();
    EXPECT_TRUE(weight.equal(torch::tensor({{0.f, 0.f, 3.f, 4.f}})));
    // The kept 3 shrinks below the hidden 2.
    weight[0][2] = 1.5;
    sparsifier.step();
    EXPECT_TRUE(weight.equal(
        regrowth ? torch::tensor({{0.f, 2.f, 0.f, 4.f}})
                 : torch::tensor({{0.f, 0.f, 1.5f, 4.f}})));
  }
}

// docs/reference.md 2.4: level 0 resets the mask and exposes the originals
// again.
TEST(WeightNormLevels, LevelZeroBringsEverythingBack) {
  SimpleLinear model;
  const auto before = model.linear1->weight.detach().clone();
  WeightNormSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  sparsifier.step();
  sparsifier.set_options(
      "linear1.weight", WeightNormOptions().sparsity_level(0));
  sparsifier.step();
  EXPECT_TRUE(model.linear1->weight.equal(before));
}

// Quirk 8: the reference keeps the zeros per block of another block shape.
TEST(WeightNormOptionsOfALayer, ZerosPerBlockFollowTheBlockShape) {
  SimpleLinear model;
  WeightNormSparsifier sparsifier;
  sparsifier.prepare(
      model,
      {{"linear1.weight", WeightNormOptions().sparse_block_shape({1, 2})}});
  EXPECT_EQ(
      WeightNormOptions(sparsifier.groups()[0].options).zeros_per_block(), 2);
  sparsifier.step();

  WeightNormSparsifier loaded;
  SimpleLinear other;
  loaded.prepare(other);
  loaded.load_state_dict(sparsifier.state_dict());
  loaded.set_options(
      "linear1.weight", WeightNormOptions().sparse_block_shape({2, 2}));
  EXPECT_EQ(WeightNormOptions(loaded.groups()[0].options).zeros_per_block(), 4);
}

// Quirk 9: the norm is an option of a layer, and is saved.
TEST(WeightNormOptionsOfALayer, TheNormIsALayersOwn) {
  // Mean |w|: 2 and 2.1. Mean w^2: 8 and 4.41.
  const auto values = torch::tensor({{0.f, 4.f, 2.1f, 2.1f}});
  for (const Norm norm : {Norm::L1, Norm::L2}) {
    const auto weight = values.clone();
    WeightNormSparsifier sparsifier(
        WeightNormOptions().sparse_block_shape({1, 2}));
    sparsifier.prepare(
        {{{"w", weight}}}, {{"w", WeightNormOptions().norm(norm)}});
    sparsifier.step();
    EXPECT_EQ(weight[0][1].item<float>() == 0, norm == Norm::L1);
    EXPECT_EQ(
        sparsifier.state_dict().groups[0].at("norm").toInt(),
        norm == Norm::L1 ? 1 : 2);
  }
}

TEST(WeightNormOptionsOfALayer, TakesANormFunction) {
  const auto weight = torch::tensor({{1.f, -2.f, 3.f, -4.f}});
  WeightNormSparsifier sparsifier(
      WeightNormOptions().sparse_block_shape({1, 1}),
      [](const torch::Tensor& w) { return w; });
  sparsifier.prepare({{{"w", weight}}});
  sparsifier.step();
  EXPECT_TRUE(weight.equal(torch::tensor({{1.f, 0.f, 3.f, 0.f}})));
}

// docs/reference.md 1.5 and golden/layout.json: the keys of a saved group.
TEST(WeightNormStateDict, HasTheReferencesKeys) {
  SimpleLinear model;
  WeightNormSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  std::vector<std::string> keys;
  const auto state = sparsifier.state_dict();
  for (const auto& [key, value] : state.groups[0]) {
    keys.push_back(key);
  }
  EXPECT_THAT(
      keys,
      ::testing::ElementsAre(
          "sparse_block_shape",
          "sparsity_level",
          "tensor_fqn",
          "zeros_per_block"));
}

// docs/reference.md 1.6.
TEST(WeightNormPrinting, PrintsItsGroups) {
  SimpleLinear model;
  WeightNormSparsifier sparsifier;
  std::ostringstream text;
  text << sparsifier;
  EXPECT_EQ(text.str(), "WeightNormSparsifier ()");
  sparsifier.prepare(model, {{"linear1.weight"}});
  text.str("");
  text << sparsifier;
  EXPECT_EQ(
      text.str(),
      "WeightNormSparsifier (\n"
      "\tGroup 0\n"
      "\t    module_fqn: linear1\n"
      "\t    sparse_block_shape: (1, 4)\n"
      "\t    sparsity_level: 0.5\n"
      "\t    tensor_fqn: linear1.weight\n"
      "\t    tensor_name: weight\n"
      "\t    zeros_per_block: 4\n"
      ")");
}

// Quirk 7: a convolution is seen as output x rest.
TEST(WeightNormShapes, MasksAConvolution) {
  torch::nn::Sequential model(torch::nn::Conv2d(4, 8, 3));
  WeightNormSparsifier sparsifier;
  sparsifier.prepare(*model, {{"0.weight"}});
  sparsifier.step();
  const auto weight = model->parameters()[0];
  EXPECT_EQ(sparsity(weight), 0.5);
  EXPECT_TRUE(block_occupancy(weight, {1, 4}).aligned);
}

} // namespace
} // namespace coppice::weight_norm_sparsifier_test
