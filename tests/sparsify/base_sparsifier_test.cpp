// docs/reference.md 7.2, Base.*, and docs/reference.md 8.

#include "coppice/sparsify/base_sparsifier.h"

#include <gmock/gmock.h>
#include <torch/torch.h>

#include "support/errors.h"
#include "support/models.h"

namespace coppice::base_sparsifier_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::SimpleLinear;

/// The reference's ImplementedSparsifier: drops row 0 and counts its steps.
class ImplementedSparsifier : public BaseSparsifier {
 public:
  using BaseSparsifier::BaseSparsifier;

 protected:
  torch::Tensor update_mask(Group& group) override {
    auto& count = group.state["step_count"];
    count = count.isInt() ? count.toInt() + 1 : 1;
    auto mask = group.mask();
    mask[0] = false;
    return mask;
  }
};

SparsifierOptions test_3() {
  return SparsifierOptions().set("test", 3);
}

int64_t test_of(const Group& group) {
  return group.options.get("test").toInt();
}

// docs/reference.md 7.2, Base.test_constructor.
TEST(BaseTestConstructor, TakesEveryLinearLayerWithoutAConfiguration) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier(test_3());
  sparsifier.prepare(model);
  EXPECT_EQ(sparsifier.groups().size(), 5u);
  sparsifier.step();
}

TEST(BaseTestConstructor, MergesDefaultsUnderAConfiguration) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier(test_3());
  sparsifier.prepare(model, {{"linear1.weight"}});
  ASSERT_EQ(sparsifier.groups().size(), 1u);
  EXPECT_EQ(sparsifier.groups()[0].tensor_fqn, "linear1.weight");
  EXPECT_EQ(sparsifier.groups()[0].module_fqn, "linear1");
  EXPECT_EQ(sparsifier.groups()[0].tensor_name, "weight");
  EXPECT_EQ(test_of(sparsifier.groups()[0]), 3);
}

// docs/reference.md 7.2, Base.test_prepare_config.
TEST(BaseTestPrepareConfig, KeepsWhatALayerOverrides) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier(test_3());
  sparsifier.prepare(
      model,
      {{"seq.0.weight", SparsifierOptions().set("test", 42)},
       {"linear2.weight"}});
  ASSERT_EQ(sparsifier.groups().size(), 2u);
  EXPECT_EQ(test_of(sparsifier.groups()[0]), 42);
  EXPECT_EQ(test_of(sparsifier.groups()[1]), 3);
  EXPECT_TRUE(
      sparsifier.groups()[0].weight().is_same(model.seq->parameters()[0]));
  const auto linear1 = model.linear1->weight.detach().clone();
  sparsifier.step();
  EXPECT_TRUE(model.linear1->weight.equal(linear1)) << "linear1 is untouched";
}

// docs/reference.md 7.2, Base.test_step.
TEST(BaseTestStep, DropsRowZero) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  sparsifier.step();
  EXPECT_TRUE(
      sparsifier.mask("linear1.weight")[0].eq(false).all().item<bool>());
  EXPECT_TRUE(model.linear1->weight[0].eq(0).all().item<bool>());
  EXPECT_TRUE(model.linear1->weight[1].ne(0).all().item<bool>());
}

// docs/reference.md 7.2, Base.test_state_dict.
TEST(BaseTestStateDict, LoadsIntoASparsifierPreparedOtherwise) {
  SimpleLinear model0;
  ImplementedSparsifier sparsifier0(test_3());
  sparsifier0.prepare(model0, {{"linear1.weight"}});
  for (int i = 0; i < 3; ++i) {
    sparsifier0.step();
  }
  const auto state = sparsifier0.state_dict();
  EXPECT_EQ(state.state.at("linear1.weight").at("step_count").toInt(), 3);
  EXPECT_EQ(state.groups.at(0).at("test").toInt(), 3);
  EXPECT_EQ(
      state.groups.at(0).at("tensor_fqn").toStringRef(), "linear1.weight");

  SimpleLinear model1;
  ImplementedSparsifier sparsifier1;
  sparsifier1.prepare(model1);
  EXPECT_EQ(sparsifier1.groups().size(), 5u);
  sparsifier1.load_state_dict(state);
  ASSERT_EQ(sparsifier1.groups().size(), 1u);
  EXPECT_EQ(sparsifier1.groups()[0].state.at("step_count").toInt(), 3);
  EXPECT_EQ(test_of(sparsifier1.groups()[0]), 3);
  EXPECT_TRUE(sparsifier1.mask("linear1.weight")
                  .equal(sparsifier0.mask("linear1.weight")));
  EXPECT_TRUE(model1.linear1->weight[0].eq(0).all().item<bool>());
}

// Quirk 12: the reference pops masks out of the source and shares tensors.
TEST(BaseTestStateDict, CopiesAndLeavesTheSourceAsItWas) {
  SimpleLinear model0;
  ImplementedSparsifier sparsifier0;
  sparsifier0.prepare(model0);
  sparsifier0.step();
  const auto state = sparsifier0.state_dict();
  SimpleLinear model1;
  ImplementedSparsifier sparsifier1;
  sparsifier1.prepare(model1);
  sparsifier1.load_state_dict(state);
  sparsifier1.load_state_dict(state);
  state.state.at("linear1.weight").at("mask").toTensor().fill_(false);
  for (const auto& sparsifier : {&sparsifier0, &sparsifier1}) {
    EXPECT_TRUE(sparsifier->mask("linear1.weight")[1].all().item<bool>());
  }
}

TEST(BaseTestStateDict, BringsDroppedValuesBackAfterARestart) {
  SimpleLinear model0;
  const auto before = model0.linear1->weight.detach().clone();
  ImplementedSparsifier sparsifier0;
  sparsifier0.prepare(model0, {{"linear1.weight"}});
  sparsifier0.step();

  SimpleLinear model1;
  ImplementedSparsifier sparsifier1;
  sparsifier1.prepare(model1, {{"linear1.weight"}});
  {
    const torch::NoGradGuard no_grad;
    model1.linear1->weight.copy_(model0.linear1->weight);
  }
  sparsifier1.load_state_dict(sparsifier0.state_dict());
  EXPECT_TRUE(sparsifier1.original("linear1.weight").equal(before));
}

TEST(BaseTestStateDict, RefusesTheStateOfAnotherModelAndChangesNothing) {
  struct Other : torch::nn::Module {
    Other() : linear9(register_module("linear9", torch::nn::Linear(4, 4))) {}
    torch::nn::Linear linear9;
  } other;
  ImplementedSparsifier other_sparsifier;
  other_sparsifier.prepare(other);
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  sparsifier.prepare(model);
  sparsifier.step();
  const auto mask = sparsifier.mask("linear1.weight");
  const auto state = other_sparsifier.state_dict();
  EXPECT_THAT(
      message_of([&] { sparsifier.load_state_dict(state); }),
      AllOf(
          HasSubstr("of another model: it has a tensor `linear9.weight`"),
          HasSubstr("nearest under this sparsifier is `linear1.weight`")));
  EXPECT_EQ(sparsifier.groups().size(), 5u);
  EXPECT_TRUE(sparsifier.mask("linear1.weight").equal(mask));
  EXPECT_THAT(
      message_of([&] { sparsifier.load_state_dict(state, /*strict=*/false); }),
      HasSubstr("none of this sparsifier's tensors"));
}

TEST(BaseTestStateDict, LeavesOutMissingTensorsUnlessStrict) {
  SimpleLinear model0;
  ImplementedSparsifier sparsifier0;
  sparsifier0.prepare(model0);
  sparsifier0.step();
  SimpleLinear model1;
  ImplementedSparsifier sparsifier1;
  sparsifier1.prepare(model1, {{"linear1.weight"}});
  const auto state = sparsifier0.state_dict();
  message_of([&] { sparsifier1.load_state_dict(state); });
  sparsifier1.load_state_dict(state, /*strict=*/false);
  EXPECT_EQ(sparsifier1.groups().size(), 1u);
  EXPECT_TRUE(model1.linear1->weight[0].eq(0).all().item<bool>());
}

TEST(BaseTestStateDict, RefusesAMaskOfAnotherShape) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  auto state = sparsifier.state_dict();
  state.state["linear1.weight"]["mask"] = torch::ones({2, 2});
  EXPECT_THAT(
      message_of([&] { sparsifier.load_state_dict(state); }),
      HasSubstr("`mask` of `linear1.weight` to be a tensor of shape [4, 4]"));
}

// docs/reference.md 7.2, Base.test_mask_squash.
TEST(BaseTestMaskSquash, MakesTheMaskPartOfTheWeight) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  sparsifier.step();
  const auto* data = model.linear1->weight.data_ptr();
  sparsifier.squash_mask();
  EXPECT_TRUE(model.linear1->weight[0].eq(0).all().item<bool>());
  // Quirk 46: the same parameter, and here the same storage.
  EXPECT_EQ(model.linear1->weight.data_ptr(), data);
  model.linear1->weight.sum().backward();
  EXPECT_TRUE(model.linear1->weight.grad().eq(1).all().item<bool>());
}

SparsifierOptions foo_bar_baz() {
  return SparsifierOptions().set("foo", 3).set("bar", 2).set("baz", 1);
}

// docs/reference.md 7.2, Base.test_mask_squash_with_params1.
TEST(BaseTestMaskSquashWithParams1, KeepsParamsPerLayer) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier(foo_bar_baz());
  sparsifier.prepare(model, {{"linear1.weight"}, {"seq.0.weight"}});
  sparsifier.squash_mask({}, {{"linear1", {"foo", "bar"}}, {"seq.0", {"baz"}}});
  const auto& kept = sparsifier.sparse_params();
  EXPECT_EQ(kept.at("linear1").at("foo").toInt(), 3);
  EXPECT_EQ(kept.at("linear1").at("bar").toInt(), 2);
  EXPECT_EQ(kept.at("linear1").count("baz"), 0u);
  EXPECT_EQ(kept.at("seq.0").at("baz").toInt(), 1);
  EXPECT_EQ(kept.at("seq.0").size(), 1u);
}

// docs/reference.md 7.2, Base.test_mask_squash_with_params2.
TEST(BaseTestMaskSquashWithParams2, KeepsParamsOfAllLayers) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier(foo_bar_baz());
  sparsifier.prepare(model, {{"linear1.weight"}, {"seq.0.weight"}});
  sparsifier.squash_mask({"foo", "bar"});
  for (const char* layer : {"linear1", "seq.0"}) {
    const auto& kept = sparsifier.sparse_params().at(layer);
    EXPECT_EQ(kept.at("foo").toInt(), 3);
    EXPECT_EQ(kept.at("bar").toInt(), 2);
    EXPECT_EQ(kept.count("baz"), 0u);
  }
}

// docs/reference.md 7.2, Base.test_mask_squash_with_params3.
TEST(BaseTestMaskSquashWithParams3, AddsParamsOfALayerToThoseOfAll) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier(foo_bar_baz());
  sparsifier.prepare(model, {{"linear1.weight"}, {"seq.0.weight"}});
  sparsifier.squash_mask({"foo", "bar"}, {{"seq.0", {"baz"}}});
  EXPECT_EQ(sparsifier.sparse_params().at("seq.0").size(), 3u);
  EXPECT_EQ(sparsifier.sparse_params().at("linear1").size(), 2u);
}

// Quirk 13: the reference leaves a half-squashed model behind.
TEST(BaseTestMaskSquash, ChecksTheParamsToKeepFirst) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  sparsifier.prepare(model, {{"linear1.weight"}});
  sparsifier.step();
  EXPECT_THAT(
      message_of([&] { sparsifier.squash_mask({"nope"}); }),
      HasSubstr("`linear1.weight` has no option `nope`"));
  EXPECT_THAT(
      message_of([&] {
        sparsifier.squash_mask({}, {{"linear7", {}}});
      }),
      HasSubstr("module `linear7` is under this sparsifier; the nearest module "
                "is `linear1`"));
  sparsifier.step();
  sparsifier.squash_mask();
}

// docs/reference.md 1.1: what is said about the place of a tensor must be true.
TEST(BasePrepare, RefusesAConflictingPlace) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  EXPECT_THAT(
      message_of([&] {
        sparsifier.prepare(
            model,
            {{"linear1.weight",
              SparsifierOptions().set("module_fqn", "linear2")}});
      }),
      AllOf(
          HasSubstr("`module_fqn` is `linear2`"),
          HasSubstr("makes it `linear1`"),
          HasSubstr("while preparing `linear1.weight`")));
  sparsifier.prepare(
      model,
      {{"linear1.weight", SparsifierOptions().set("module_fqn", "linear1")}});
}

// docs/reference.md 1.1: a configuration may bring its own mask.
TEST(BasePrepare, TakesAMaskFromTheConfiguration) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  const auto mask = torch::eye(4);
  sparsifier.prepare(
      model, {{"linear1.weight", SparsifierOptions().set("mask", mask)}});
  EXPECT_TRUE(sparsifier.mask("linear1.weight").equal(mask.ne(0)));
  EXPECT_EQ(model.linear1->weight.ne(0).sum().item<int64_t>(), 4);
}

TEST(BasePrepare, WorksOnATorchScriptModuleAndAPlainTable) {
  torch::jit::Module script("__torch__.Net");
  script.register_parameter("weight", torch::ones({3, 4}), false);
  ImplementedSparsifier on_script;
  on_script.prepare(script, {{"weight"}});
  on_script.step();
  EXPECT_EQ(script.attr("weight").toTensor().sum().item<float>(), 8);

  const auto tensor = torch::ones({3, 4});
  ImplementedSparsifier on_table;
  on_table.prepare({{{"a", tensor}}});
  on_table.step();
  EXPECT_EQ(tensor.sum().item<float>(), 8);
}

// Quirk 15: the reference takes nothing of a bare layer and does not say so.
TEST(BasePrepare, SaysThatABareLayerHasNothingToChoose) {
  torch::nn::Linear model(4, 4);
  ImplementedSparsifier sparsifier;
  EXPECT_THAT(
      message_of([&] { sparsifier.prepare(*model); }),
      HasSubstr("no Linear submodule"));
  sparsifier.prepare(*model, {{"weight"}});
  EXPECT_EQ(sparsifier.groups()[0].module_fqn, "");
}

TEST(BaseStep, DoesNothingWhileMaskUpdatesAreOff) {
  SimpleLinear model;
  ImplementedSparsifier sparsifier;
  sparsifier.prepare(model);
  sparsifier.enable_mask_update(false);
  sparsifier.step();
  EXPECT_TRUE(sparsifier.mask("linear1.weight").all().item<bool>());
}

// Atomic: the first group could be masked, the second could not.
TEST(BaseStep, LeavesEverythingAsItWasWhenOneGroupFails) {
  class FailsOnLinear2 : public BaseSparsifier {
    torch::Tensor update_mask(Group& group) override {
      TORCH_CHECK_VALUE(group.module_fqn != "linear2", "no");
      return torch::zeros_like(group.mask());
    }
  } sparsifier;
  SimpleLinear model;
  sparsifier.prepare(model, {{"linear1.weight"}, {"linear2.weight"}});
  const auto before = model.linear1->weight.detach().clone();
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("while masking `linear2.weight`"));
  EXPECT_TRUE(model.linear1->weight.equal(before));
}

/// Drops row 0 and doubles the others; of some shape.
class DoublesTheRest : public BaseSparsifier {
 public:
  explicit DoublesTheRest(bool is_wrong) : is_wrong_(is_wrong) {}

 protected:
  torch::Tensor update_mask(Group& group) override {
    const auto doubled = group.weight().detach() * 2;
    group.new_weight = is_wrong_ ? doubled[0] : doubled;
    auto mask = group.mask();
    mask[0] = false;
    return mask;
  }

 private:
  bool is_wrong_;
};

TEST(BaseStep, TakesNewWeightsWhereTheMaskKeeps) {
  SimpleLinear model;
  const auto before = model.linear1->weight.detach().clone();
  DoublesTheRest sparsifier(/*is_wrong=*/false);
  sparsifier.prepare(model, {{"linear1.weight"}});
  sparsifier.step();
  auto after = before * 2;
  after[0] = 0;
  EXPECT_TRUE(model.linear1->weight.equal(after));
  EXPECT_TRUE(model.linear1->weight.requires_grad());
  after[0] = before[0];
  EXPECT_TRUE(sparsifier.original("linear1.weight").equal(after));

  SimpleLinear other;
  DoublesTheRest wrong(/*is_wrong=*/true);
  wrong.prepare(other);
  EXPECT_THAT(
      message_of([&] { wrong.step(); }), HasSubstr("a new weight of shape"));
  EXPECT_TRUE(wrong.mask("linear1.weight").all().item<bool>());
}

TEST(BaseStep, NamesTheShapeOfAWrongMask) {
  class WrongShape : public BaseSparsifier {
    torch::Tensor update_mask(Group&) override {
      return torch::ones({2, 2});
    }
  } sparsifier;
  SimpleLinear model;
  sparsifier.prepare(model, {{"linear1.weight"}});
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      AllOf(
          HasSubstr("shape [4, 4]"),
          HasSubstr("[2, 2]"),
          HasSubstr("`linear1.weight`")));
}

} // namespace
} // namespace coppice::base_sparsifier_test
