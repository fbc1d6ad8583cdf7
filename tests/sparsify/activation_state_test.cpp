#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>

#include "coppice/io/checkpoint.h"
#include "coppice/model/torch_tensors.h"
#include "coppice/sparsify/saved_state.h"
#include "io/torch_file.h"
#include "support/errors.h"
#include "support/identity_models.h"
#include "support/reference_python.h"
#include "support/temporary_folder.h"

namespace coppice::activation_state_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using torch::Tensor;

ActivationLayers two_layers() {
  return {testing::site_layer("0"), testing::site_layer("1")};
}

ActivationOptions defaults() {
  return ActivationOptions()
      .aggregate_fn(aggregate_abs_sum())
      .reduce_fn(reduce_mean(/*keepdim=*/true))
      .mask_fn(mask_magnitude())
      .set("sparsity_level", 0.5);
}

/// A sparsifier of layers "0", whole, and "1", of which two features.
class ActivationState : public ::testing::Test {
 protected:
  ActivationState() {
    torch::manual_seed(3);
  }

  void register_both() {
    sparsifier.register_layer("0");
    sparsifier.register_layer(
        "1",
        ActivationOptions().features({0, 3}).feature_dim(1).aggregate_fn(
            aggregate_mean()));
  }

  void run() {
    enter(layers, torch::randn({3, 6}));
    enter(layers, torch::randn({2, 6}));
  }

  static Tensor enter(const ActivationLayers& into, const Tensor& x) {
    return into[1].site->pass(into[0].site->pass(x));
  }

  /// Saves and loads the state.
  ActivationSparsifierState saved() const {
    save_state(sparsifier.state_dict(), folder.file("state.pt"));
    return load_activation_sparsifier_state(folder.file("state.pt"));
  }

  /// Checks that a state restores the sparsifier it was taken from, which then
  /// continues in the same way.
  void check(const ActivationSparsifierState& state) {
    const auto others = two_layers();
    ActivationSparsifier other(others);
    other.load_state_dict(state);
    EXPECT_EQ(printed(other), printed(sparsifier));
    compare(other);
    const auto x = torch::randn({3, 6});
    EXPECT_TRUE(enter(others, x).equal(enter(layers, x)));
    compare(other);
  }

  void compare(const ActivationSparsifier& other) const {
    ASSERT_EQ(other.data_groups().size(), 2U);
    for (size_t i = 0; i < 2; ++i) {
      const auto& ours = other.data_groups()[i];
      const auto& theirs = sparsifier.data_groups()[i];
      EXPECT_EQ(
          ours.options().aggregate_fn().name(),
          theirs.options().aggregate_fn().name());
      EXPECT_TRUE(equal(ours.data(), theirs.data()));
      ASSERT_EQ(ours.has_mask(), theirs.has_mask());
      if (ours.has_mask()) {
        EXPECT_TRUE(equal(
            other.get_mask(ours.fqn()).masks,
            sparsifier.get_mask(ours.fqn()).masks));
      }
    }
  }

  static std::string printed(const ActivationSparsifier& sparsifier) {
    std::ostringstream text;
    text << sparsifier;
    return text.str();
  }

  static bool equal(
      const std::vector<Tensor>& a,
      const std::vector<Tensor>& b) {
    return std::equal(
        a.begin(), a.end(), b.begin(), b.end(), [](auto& one, auto& other) {
          return one.equal(other);
        });
  }

  TemporaryFolder folder;
  ActivationLayers layers = two_layers();
  ActivationSparsifier sparsifier{layers, defaults()};
};

TEST_F(ActivationState, LoadsAsItWasAtEveryPointOfItsLife) {
  const auto check_both_ways = [&](const char* point) {
    SCOPED_TRACE(point);
    check(sparsifier.state_dict());
    check(saved());
  };
  register_both();
  check_both_ways("registered");
  run();
  check_both_ways("after forwards");
  sparsifier.step();
  check(saved());
  sparsifier.step();
  sparsifier.squash_mask();
  check_both_ways("squashed");
  sparsifier.squash_mask(/*attach_sparsify_hook=*/false);
  check_both_ways("nothing attached");
}

TEST_F(ActivationState, IsACopy) {
  register_both();
  run();
  auto state = sparsifier.state_dict();
  const auto data = sparsifier.data_groups()[0].data();
  state.data_groups[0].aggregated->data[0].fill_(5);
  EXPECT_TRUE(equal(sparsifier.data_groups()[0].data(), data));
  ActivationSparsifier other(two_layers());
  other.load_state_dict(state);
  state.data_groups[0].aggregated->data[0].fill_(6);
  EXPECT_TRUE(other.data_groups()[0].data().at(0).eq(5).all().item<bool>());
}

// Quirk 26: there each load adds hooks to those that are attached.
TEST_F(ActivationState, TakesThePlaceOfWhatIsAttached) {
  register_both();
  run();
  sparsifier.step();
  const auto watching = sparsifier.state_dict();
  sparsifier.squash_mask();
  const auto masking = sparsifier.state_dict();
  sparsifier.load_state_dict(masking);
  EXPECT_EQ(layers[0].site->masks().size(), 1U);
  sparsifier.load_state_dict(watching);
  sparsifier.load_state_dict(watching);
  EXPECT_TRUE(layers[0].site->masks().empty());
  const auto x = torch::randn({3, 6});
  enter(layers, x);
  EXPECT_TRUE(sparsifier.data_groups()[0].data().at(0).equal(x.abs()));
  sparsifier.load_state_dict({});
  EXPECT_TRUE(layers[0].site->is_empty());
}

TEST_F(ActivationState, OfAnotherModelNamesTheLayersAndChangesNothing) {
  register_both();
  run();
  sparsifier.step();
  auto state = sparsifier.state_dict();
  run();
  const auto before = printed(sparsifier);
  const auto data = sparsifier.data_groups()[0].data();
  const auto fails = [&](const ActivationSparsifierState& wrong) {
    const auto message = message_of([&] { sparsifier.load_state_dict(wrong); });
    EXPECT_EQ(printed(sparsifier), before);
    EXPECT_TRUE(equal(sparsifier.data_groups()[0].data(), data));
    return message;
  };
  auto wrong = state;
  wrong.data_groups[0].fqn = "fc1";
  wrong.data_groups[1].fqn = "fc2";
  EXPECT_THAT(
      fails(wrong),
      HasSubstr(
          "the state has layers that are not in the model: `fc1`, `fc2`"));
  wrong = state;
  wrong.data_groups.push_back(wrong.data_groups[0]);
  EXPECT_THAT(fails(wrong), HasSubstr("the state has layer `0` twice"));
  wrong = state;
  wrong.state.erase("1");
  EXPECT_THAT(
      fails(wrong),
      HasSubstr("the state has no mask of this layer, not even None (while "
                "loading layer `1`)"));
  wrong = state;
  wrong.state["1"] = wrong.state["0"];
  EXPECT_THAT(
      fails(wrong), HasSubstr("expected a list of masks, one a feature"));
  wrong = state;
  wrong.data_groups[1].options.features({0, 1, 2});
  EXPECT_THAT(
      fails(wrong), HasSubstr("expected 3 masks, one a feature, got 2"));
  wrong = state;
  wrong.state["0"]["mask"] = c10::IValue();
  wrong.data_groups[0].hook_state = ActivationHook::Sparsify;
  EXPECT_THAT(fails(wrong), HasSubstr("past its first activation"));
}

TEST_F(ActivationState, IsSavedWithoutAFunctionOfTheUsersOwnOrNot) {
  const auto mean = [](const Tensor& x) { return x.mean({0}, true); };
  sparsifier.register_layer("0");
  sparsifier.register_layer("1", ActivationOptions().reduce_fn(mean));
  run();
  const auto state = sparsifier.state_dict();
  EXPECT_THAT(
      message_of([&] { save_state(state, folder.file("state.pt")); }),
      AllOf(
          HasSubstr("its reduce_fn has no name"),
          HasSubstr("state.without_functions()"),
          HasSubstr("while saving layer `1`")));
  EXPECT_TRUE(folder.names().empty());

  save_state(state.without_functions(), folder.file("state.pt"));
  const auto loaded = load_activation_sparsifier_state(folder.file("state.pt"));
  ActivationSparsifier other(two_layers());
  EXPECT_THAT(
      message_of([&] { other.load_state_dict(loaded); }),
      AllOf(
          HasSubstr("there is no aggregate function"),
          HasSubstr("while loading layer `0`")));
  EXPECT_TRUE(other.data_groups().empty());
  // Functions of the layer, or else of the defaults.
  ActivationSparsifier ready(two_layers(), defaults());
  ready.register_layer("1", ActivationOptions().reduce_fn(mean));
  ready.load_state_dict(loaded);
  ready.step();
  sparsifier.step();
  for (const std::string fqn : {"0", "1"}) {
    EXPECT_TRUE(
        equal(ready.get_mask(fqn).masks, sparsifier.get_mask(fqn).masks));
  }
}

TEST_F(ActivationState, OfAMeanDoesNotGoOnAsASum) {
  register_both();
  run();
  auto state = sparsifier.state_dict();
  state.data_groups[1].options.aggregate_fn(aggregate_sum());
  ActivationSparsifier other(two_layers());
  EXPECT_THAT(
      message_of([&] { other.load_state_dict(state); }),
      HasSubstr("the aggregate function `sum` cannot continue from"));
}

TEST_F(ActivationState, KeepsMasksOfEveryDtypeAndShape) {
  for (const auto& mask :
       {torch::tensor(0.F),
        torch::tensor(true),
        torch::ones({3, 6}).to(torch::kHalf),
        torch::zeros({6}, torch::kLong)}) {
    ::testing::internal::CaptureStderr();
    sparsifier.register_layer(
        "0",
        ActivationOptions().mask_fn(MaskFunction(
            "magnitude",
            [&](const Tensor&, const Values&) { return mask; },
            nullptr)));
    ::testing::internal::GetCapturedStderr();
    enter(layers, torch::randn({3, 6}));
    sparsifier.step();
    ActivationSparsifier other(two_layers());
    other.load_state_dict(saved());
    const auto loaded = other.get_mask("0").whole();
    EXPECT_EQ(loaded.scalar_type(), mask.scalar_type());
    EXPECT_TRUE(loaded.equal(mask)) << mask;
  }
}

TEST_F(ActivationState, IsNotReadFromWhatIsNone) {
  const auto fails = [&](const PickleValue& value) {
    write_torch_file(folder.file("wrong.pt"), value);
    EXPECT_THROW(
        load_activation_sparsifier_state(folder.file("wrong.pt")), FileError);
  };
  fails(PickleDict());
  fails(3);
  PickleDict group;
  const auto root = [&] {
    PickleDict groups;
    groups.set("0", group);
    PickleDict value;
    value.set("state", PickleDict());
    value.set("data_groups", groups);
    value.set("defaults", PickleDict());
    return value;
  };
  fails(root());
  group.set("hook_state", "watching");
  fails(root());
  group.set("hook_state", "aggregate");
  for (const char* key : {"features", "feature_dim", "sparse_config", "data"}) {
    const auto good = group;
    group.set(key, "text");
    fails(root());
    group = good;
  }
  group.set("aggregate_fn", "summ");
  fails(root());
}

std::vector<Tensor> bits(const ActivationMask& mask) {
  std::vector<Tensor> bits;
  for (const auto& one : mask.masks) {
    bits.push_back(one.ne(0));
  }
  return bits;
}

/// Runs the script of the reference.
void run_python(const std::string& verb, const TemporaryFolder& folder) {
  const auto command = std::string(kPython) +
      " -W ignore '" COPPICE_TESTS "/sparsify/reference_activations.py' " +
      verb + " '" + folder.path() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

Tensor tensor_in(const StateDict& state, const std::string& name) {
  const auto* found = state.find(name);
  EXPECT_NE(found, nullptr) << name;
  return as_tensor(*found).clone();
}

TEST_F(ActivationState, TravelsFromPython) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  run_python("save", folder);
  const auto expected = open_checkpoint(folder.file("expected.pt")).state;
  const auto tensors = [&](const std::string& name, size_t count) {
    std::vector<Tensor> all;
    for (size_t i = 0; i < count; ++i) {
      all.push_back(tensor_in(expected, name + "_" + std::to_string(i)));
    }
    return all;
  };
  for (const std::string point : {"registered", "ran", "stepped", "squashed"}) {
    SCOPED_TRACE(point);
    const auto state =
        load_activation_sparsifier_state(folder.file(point + ".pt"));
    const auto fresh = two_layers();
    ActivationSparsifier loaded(fresh, defaults());
    loaded.load_state_dict(state);
    const auto& groups = loaded.data_groups();
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(groups[1].options().features().value()[1], 3);
    EXPECT_EQ(
        groups[0].options().sparse_config().at("sparsity_level").toDouble(),
        0.5);
    EXPECT_EQ(
        to_string(groups[0].hook_state()),
        point == "squashed" ? "sparsify" : "aggregate");
    EXPECT_EQ(groups[0].has_mask(), point != "registered");
    if (point == "ran") {
      EXPECT_TRUE(equal(groups[0].data(), tensors("data_0", 1)));
      EXPECT_TRUE(equal(groups[1].data(), tensors("data_1", 2)));
      loaded.step();
    }
    if (point != "registered") {
      EXPECT_TRUE(equal(bits(loaded.get_mask("0")), tensors("mask_0", 1)));
      EXPECT_TRUE(equal(bits(loaded.get_mask("1")), tensors("mask_1", 2)));
      loaded.squash_mask();
      EXPECT_TRUE(enter(fresh, tensor_in(expected, "probe"))
                      .equal(tensor_in(expected, "output")));
    }
  }
}

TEST_F(ActivationState, TravelsToPython) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  sparsifier.register_layer("0");
  sparsifier.register_layer(
      "1", ActivationOptions().features({0, 3}).feature_dim(1));
  const auto save = [&](const std::string& point) {
    save_state(sparsifier.state_dict(), folder.file("cpp_" + point + ".pt"));
  };
  save("registered");
  enter(layers, torch::randn({3, 6}));
  save("ran");
  sparsifier.step();
  save("stepped");
  sparsifier.squash_mask();
  save("squashed");
  run_python("load", folder);
  const auto theirs = open_checkpoint(folder.file("loaded.pt")).state;
  const auto output = enter(layers, tensor_in(theirs, "probe"));
  for (const std::string point : {"ran", "stepped", "squashed"}) {
    EXPECT_TRUE(tensor_in(theirs, point).equal(output)) << point;
  }
}

} // namespace
} // namespace coppice::activation_state_test
