#include "coppice/sparsify/activation_sparsifier.h"

#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <sstream>
#include <thread>

#include "support/errors.h"
#include "support/identity_models.h"

namespace coppice::activation_sparsifier_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using ::testing::Not;
using torch::Tensor;

ActivationOptions keep_half() {
  return ActivationOptions()
      .aggregate_fn(aggregate_sum())
      .reduce_fn(reduce_mean())
      .mask_fn(mask_magnitude())
      .set("sparsity_level", 0.5);
}

/// Layers "a", "b" and "c", a root without a site, and a sparsifier over them.
class Activations : public ::testing::Test {
 protected:
  Activations() {
    ActivationLayer root;
    root.why_no_site = "it is a test";
    layers = {
        root,
        testing::site_layer("a"),
        testing::site_layer("b"),
        testing::site_layer("c")};
    torch::manual_seed(0);
  }

  Tensor enter(const std::string& fqn, const Tensor& x) {
    for (const auto& layer : layers) {
      if (layer.fqn == fqn) {
        return layer.site->pass(x);
      }
    }
    throw std::out_of_range(fqn);
  }

  bool is_empty(size_t index) const {
    return layers.at(index).site->is_empty();
  }

  ActivationLayers layers;
  const Tensor x = torch::tensor({{1.F, -4.F, 3.F, 2.F}});
  const Tensor half = torch::tensor({{false, true, true, false}})[0];
};

TEST_F(Activations, AreWatchedThenMasked) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  EXPECT_TRUE(enter("a", x).is_same(x));
  EXPECT_TRUE(sparsifier.get_mask("a").whole().equal(torch::ones_like(x)));
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask("a").whole().equal(half));
  EXPECT_FALSE(sparsifier.data_groups()[0].has_data());
  EXPECT_TRUE(enter("a", x).is_same(x)) << "not yet applied";
  // Quirk 25: from here to the next step it keeps everything again.
  EXPECT_TRUE(sparsifier.get_mask("a").whole().equal(torch::ones_like(x)));
  sparsifier.step();
  sparsifier.squash_mask();
  EXPECT_TRUE(enter("a", x).equal(x * half));
  EXPECT_TRUE(enter("a", x.expand({5, 4})).equal(x.expand({5, 4}) * half));
  EXPECT_EQ(sparsifier.data_groups()[0].hook_state(), ActivationHook::Sparsify);
}

TEST_F(Activations, OptionsOfALayerGoOnTopOfTheDefaults) {
  ActivationSparsifier sparsifier(layers, keep_half().set("m", 4));
  sparsifier.register_layer(
      "a",
      ActivationOptions()
          .features({1, 2})
          .feature_dim(1)
          .reduce_fn(reduce_none())
          .set("sparsity_level", 0.1));
  sparsifier.register_layer("b");
  const auto& a = sparsifier.data_groups()[0].options();
  EXPECT_EQ(a.aggregate_fn().name(), "sum");
  EXPECT_EQ(a.reduce_fn().name(), "none");
  EXPECT_EQ(a.sparse_config().at("sparsity_level").toDouble(), 0.1);
  EXPECT_EQ(a.sparse_config().at("m").toInt(), 4);
  EXPECT_FALSE(sparsifier.data_groups()[1].options().features());
  EXPECT_FALSE(sparsifier.defaults().features());
  enter("a", x);
  EXPECT_EQ(sparsifier.get_mask("a").masks.size(), 2U);
  EXPECT_EQ(sparsifier.get_mask("a").features[1], 2);
}

// Quirk 22: the reference has stepped the layers before the one that fails.
TEST_F(Activations, StepNamesEveryLayerThatNeverRanAndChangesNothing) {
  ActivationSparsifier sparsifier(layers, keep_half());
  for (const std::string fqn : {"a", "b", "c"}) {
    sparsifier.register_layer(fqn);
  }
  enter("a", x);
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("step: nothing has entered `b`, `c`: such a layer never ran"));
  EXPECT_THAT(
      message_of([&] { sparsifier.squash_mask(); }),
      HasSubstr("squash_mask: nothing has entered `b`, `c` yet"));
  EXPECT_TRUE(sparsifier.data_groups()[0].has_data());
  EXPECT_EQ(
      sparsifier.data_groups()[0].hook_state(), ActivationHook::Aggregate);
}

TEST_F(Activations, AMaskThatDoesNotFitIsAnErrorBeforeAnythingChanges) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  sparsifier.register_layer(
      "b", ActivationOptions().mask_fn([](const Tensor&, const Values&) {
        return torch::ones({3});
      }));
  sparsifier.register_layer(
      "c",
      ActivationOptions().features({0}).feature_dim(1).mask_fn(
          [](const Tensor&, const Values&) {
            return torch::ones({1, 4});
          }));
  enter("a", x);
  enter("b", x);
  enter("c", x);
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      AllOf(
          HasSubstr("a mask of shape [3], which does not broadcast to the "
                    "activation, of shape [1, 4]"),
          HasSubstr("while masking what enters layer `b`")));
  EXPECT_TRUE(sparsifier.data_groups()[0].has_data());
  sparsifier.unregister_layer("b");
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("a feature of the activation, of shape [1, 1]"));
  EXPECT_TRUE(sparsifier.data_groups()[0].has_data());
  sparsifier.unregister_layer("c");
  sparsifier.step();
}

// The reference has unregistered the layer by then.
TEST_F(Activations, AFailedRegistrationLeavesTheOldOne) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  enter("a", x);
  EXPECT_THAT(
      message_of([&] {
        sparsifier.register_layer("a", ActivationOptions().features({0}));
      }),
      HasSubstr("give `feature_dim` too (while registering layer `a`)"));
  EXPECT_THAT(
      message_of([&] {
        sparsifier.register_layer(
            "a", ActivationOptions().set("sparsity_level", 2.0));
      }),
      HasSubstr("expected a fraction in [0, 1], got 2"));
  EXPECT_TRUE(sparsifier.data_groups()[0].data().at(0).equal(x));
}

TEST_F(Activations, RegisteringAgainBeginsAnewWithAWarning) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  enter("a", x);
  sparsifier.step();
  sparsifier.squash_mask();
  ::testing::internal::CaptureStderr();
  sparsifier.register_layer("a");
  EXPECT_THAT(
      ::testing::internal::GetCapturedStderr(),
      HasSubstr("layer `a` was registered before"));
  EXPECT_TRUE(enter("a", x).is_same(x)) << "its mask is gone";
  enter("a", x);
  ASSERT_EQ(sparsifier.data_groups().size(), 1U);
  EXPECT_TRUE(sparsifier.data_groups()[0].data().at(0).equal(2 * x));
}

TEST_F(Activations, WrongNamesAreErrors) {
  ActivationSparsifier sparsifier(layers, keep_half());
  EXPECT_THAT(
      message_of([&] { sparsifier.register_layer("bb"); }),
      HasSubstr("register_layer: the model has no layer `bb`; the nearest is "
                "`b`"));
  EXPECT_THAT(
      message_of([&] { sparsifier.register_layer(""); }),
      HasSubstr("nothing can be attached to layer ``: it is a test"));
  sparsifier.register_layer("a");
  EXPECT_THAT(
      message_of([&] { sparsifier.get_mask("aa"); }),
      HasSubstr("get_mask: no layer `aa` is registered; the nearest that is: "
                "`a`"));
  EXPECT_THAT(
      message_of([&] { sparsifier.unregister_layer("b"); }),
      HasSubstr("unregister_layer: no layer `b` is registered"));
  EXPECT_EQ(sparsifier.data_groups().size(), 1U);
}

TEST_F(Activations, UnregisteringLetsTheLayerGo) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  sparsifier.register_layer("b");
  enter("a", x);
  enter("b", x);
  sparsifier.unregister_layer("a");
  EXPECT_TRUE(is_empty(1));
  sparsifier.step();
  sparsifier.squash_mask();
  sparsifier.unregister_layer("b");
  EXPECT_TRUE(is_empty(2));
  EXPECT_TRUE(sparsifier.data_groups().empty());
  sparsifier.step();
  sparsifier.squash_mask();
}

// Quirk 26: there it is "sparsify" also where nothing is attached.
TEST_F(Activations, TheHookStateIsTold) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  enter("a", x);
  sparsifier.step();
  sparsifier.squash_mask(/*attach_sparsify_hook=*/false);
  const auto& group = sparsifier.data_groups()[0];
  EXPECT_EQ(group.hook_state(), ActivationHook::None);
  EXPECT_TRUE(is_empty(1));
  EXPECT_TRUE(sparsifier.get_mask("a").whole().equal(half));
  sparsifier.squash_mask();
  sparsifier.squash_mask();
  EXPECT_EQ(group.hook_state(), ActivationHook::Sparsify);
  EXPECT_EQ(layers[1].site->masks().size(), 1U) << "once, not twice";
  sparsifier.squash_mask(false);
  EXPECT_TRUE(is_empty(1));
}

TEST_F(Activations, SquashingWhatEnteredAfterTheStepWarns) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  enter("a", x);
  sparsifier.step();
  enter("a", x);
  ::testing::internal::CaptureStderr();
  sparsifier.squash_mask();
  EXPECT_THAT(
      ::testing::internal::GetCapturedStderr(),
      HasSubstr(
          "activations entered layer `a` after the last step, so its mask "
          "keeps everything"));
  EXPECT_TRUE(enter("a", x).equal(x));
}

TEST_F(Activations, StepGoesOnWithTheLayersThatAreStillWatched) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  enter("a", x);
  sparsifier.step();
  sparsifier.squash_mask();
  EXPECT_THAT(
      message_of([&] { sparsifier.step(); }),
      HasSubstr("step: all masks were squashed; register a layer again"));
  sparsifier.register_layer("b");
  enter("b", x);
  sparsifier.step();
  EXPECT_TRUE(sparsifier.get_mask("b").whole().equal(half));
  EXPECT_TRUE(sparsifier.get_mask("a").whole().equal(half));
}

// Quirk 27.
TEST_F(Activations, NoGraphIsHeldAndGradientsPassTheMask) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  sparsifier.register_layer(
      "b",
      ActivationOptions().aggregate_fn(
          [](const Tensor& a, const Tensor& b) { return a + b; }));
  const auto input = x.clone().requires_grad_();
  enter("a", input * 2);
  enter("b", input * 2);
  for (const auto& group : sparsifier.data_groups()) {
    EXPECT_FALSE(group.data().at(0).requires_grad());
  }
  sparsifier.step();
  sparsifier.squash_mask();
  enter("a", input).sum().backward();
  EXPECT_TRUE(input.grad()[0].equal(half.to(torch::kFloat)));
}

TEST_F(Activations, WatchedInInferenceModeTheyAreMaskedInTraining) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  {
    const c10::InferenceMode inference;
    enter("a", x.clone());
  }
  enter("a", x);
  {
    const c10::InferenceMode inference;
    sparsifier.step();
  }
  sparsifier.squash_mask();
  const auto input = x.clone().requires_grad_();
  enter("a", input).sum().backward();
  EXPECT_TRUE(input.grad()[0].equal(half.to(torch::kFloat)));
}

TEST_F(Activations, DestructionStopsWatchingAndLeavesMasks) {
  {
    ActivationSparsifier sparsifier(layers, keep_half());
    sparsifier.register_layer("a");
    enter("a", x);
    sparsifier.step();
    sparsifier.squash_mask();
    sparsifier.register_layer("b");
  }
  EXPECT_TRUE(enter("a", x).equal(x * half));
  EXPECT_TRUE(is_empty(2));
}

TEST_F(Activations, TwoSparsifiersDoNotMeet) {
  ActivationSparsifier first(layers, keep_half());
  ActivationSparsifier second(layers, keep_half().set("sparsity_level", 0.25));
  first.register_layer("a");
  second.register_layer("a");
  enter("a", x);
  first.step();
  first.squash_mask();
  // The mask came after the second's observer.
  EXPECT_TRUE(enter("a", x).equal(x * half));
  EXPECT_TRUE(second.data_groups()[0].data().at(0).equal(2 * x));
  second.step();
  second.squash_mask();
  first.unregister_layer("a");
  EXPECT_TRUE(enter("a", x).equal(x * torch::tensor({0, 1, 1, 1})));
}

TEST_F(Activations, UpdateMaskMayBeOnesOwn) {
  class KeepsTheFirst : public ActivationSparsifier {
   public:
    using ActivationSparsifier::ActivationSparsifier;

   protected:
    Tensor update_mask(const ActivationGroup& group, const Tensor& aggregated)
        override {
      EXPECT_EQ(group.fqn(), "a");
      return torch::arange(aggregated.size(-1)).eq(0);
    }
    void check_options(const ActivationOptions&) const override {}
  } sparsifier(layers, ActivationOptions().aggregate_fn(aggregate_max()));
  sparsifier.register_layer("a");
  enter("a", x);
  sparsifier.step();
  EXPECT_EQ(sparsifier.get_mask("a").whole().sum().item<int64_t>(), 1);
}

TEST_F(Activations, PrintAsInTheReference) {
  ActivationSparsifier sparsifier(layers, keep_half().set("norm", "l1"));
  sparsifier.register_layer(
      "a", ActivationOptions().features({0, 2}).feature_dim(-1));
  std::ostringstream text;
  text << sparsifier;
  EXPECT_EQ(
      text.str(),
      "ActivationSparsifier (\n"
      "\tData Group\n"
      "\t    name: a\n"
      "\t    feature_dim: -1\n"
      "\t    features: [0, 2]\n"
      "\t    hook_state: aggregate\n"
      "\t    layer: Identity()\n"
      "\t    sparse_config: {'norm': 'l1', 'sparsity_level': 0.5}\n"
      ")");
}

TEST_F(Activations, MayComeFromSeveralThreadsAtOnce) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  sparsifier.register_layer(
      "b", ActivationOptions().aggregate_fn(aggregate_mean()));
  constexpr int kPasses = 200;
  // Whole numbers, so that sums do not depend on the order.
  const auto rows = torch::arange(12, torch::kFloat).reshape({3, 4});
  const auto run = [&](int64_t batch) {
    for (int i = 0; i < kPasses; ++i) {
      enter("a", rows.slice(0, 0, batch));
      enter("b", rows.slice(0, 0, batch));
    }
  };
  std::thread other(run, 3);
  run(2);
  other.join();
  auto sum = rows * kPasses;
  sum.slice(0, 0, 2).mul_(2);
  EXPECT_TRUE(sparsifier.data_groups()[0].data().at(0).equal(sum));
  EXPECT_TRUE(sparsifier.data_groups()[1].data().at(0).equal(rows));
}

// Memory is that of one batch, however many there are.
TEST_F(Activations, AreNotHeldOnceTheyHavePassed) {
  ActivationSparsifier sparsifier(layers, keep_half());
  sparsifier.register_layer("a");
  const auto is_held_after = [&](const std::string& aggregate, int64_t rows) {
    ::testing::internal::CaptureStderr();
    sparsifier.register_layer(
        "a", ActivationOptions().aggregate_fn(aggregate_function(aggregate)));
    ::testing::internal::GetCapturedStderr();
    enter("a", x);
    auto batch = torch::randn({rows, 4}).requires_grad_() * 1;
    const c10::weak_intrusive_ptr<c10::TensorImpl> weak(
        batch.getIntrusivePtr());
    const auto memory = batch.storage().getWeakStorageImpl();
    enter("a", batch);
    batch = Tensor();
    return !weak.expired() || !memory.expired();
  };
  for (const char* name :
       {"sum", "mean", "max", "abs_sum", "abs_mean", "abs_max"}) {
    EXPECT_FALSE(is_held_after(name, 1)) << name;
    EXPECT_FALSE(is_held_after(name, 3)) << name;
  }
}

/// The number of LibTorch ops run to register a number of layers and find their
/// masks.
int64_t operators_for(int64_t count) {
  ActivationLayers layers;
  for (int64_t i = 0; i < count; ++i) {
    layers.push_back(testing::site_layer("block." + std::to_string(i)));
  }
  ActivationSparsifier sparsifier(layers, keep_half());
  const auto x = torch::randn({32, 512});
  thread_local int64_t operators;
  operators = 0;
  const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(
      [](const at::RecordFunction& /*operator*/)
          -> std::unique_ptr<at::ObserverContext> {
        ++operators;
        return nullptr;
      }));
  for (const auto& layer : layers) {
    sparsifier.register_layer(layer.fqn);
    layer.site->pass(x);
  }
  sparsifier.step();
  at::removeCallback(handle);
  return operators;
}

TEST(ManyLayers, TakeNoMoreWorkALayer) {
  const int64_t few = operators_for(10);
  EXPECT_GT(few, 0);
  EXPECT_LE(operators_for(200), 20 * few);
}

} // namespace
} // namespace coppice::activation_sparsifier_test
