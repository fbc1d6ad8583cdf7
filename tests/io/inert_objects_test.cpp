// Pickled models and other Python objects, written by make_pickles.py: which
// tensors are found, their names, and what is known about each.

#include "io/inert_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "coppice/io/checkpoint.h"
#include "io/rewrite.h"

namespace coppice::inert_objects_test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAreArray;

Checkpoint open(const std::string& name) {
  return open_checkpoint(std::string(COPPICE_TESTS "/data/pickles/") + name);
}

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const auto& tensor : checkpoint.state.tensors) {
    names.push_back(tensor.name);
  }
  return names;
}

/// Calls by name; dangerous ones end with an exclamation mark.
std::map<std::string, uint64_t> code_of(const Checkpoint& checkpoint) {
  std::map<std::string, uint64_t> calls;
  for (const auto& code : checkpoint.code) {
    calls[code.name + (code.danger.empty() ? "" : "!")] = code.calls;
  }
  return calls;
}

const std::vector<std::string>& state_dict_names() {
  static const std::vector<std::string> names = {
      "grid",
      "stem.weight",
      "stem.bias",
      "blocks.0.conv.weight",
      "blocks.0.norm.weight",
      "blocks.0.norm.bias",
      "blocks.0.norm.running_mean",
      "blocks.0.norm.running_var",
      "blocks.0.norm.num_batches_tracked",
      "blocks.1.conv.weight",
      "blocks.1.norm.weight",
      "blocks.1.norm.bias",
      "blocks.1.norm.running_mean",
      "blocks.1.norm.running_var",
      "blocks.1.norm.num_batches_tracked",
      "places.weight",
      "rnn.weight_ih_l0",
      "rnn.weight_hh_l0",
      "rnn.bias_ih_l0",
      "rnn.bias_hh_l0",
      "fc.weight",
      "fc.bias",
      "tied.weight",
      "tied.bias"};
  return names;
}

class WholeModel : public ::testing::TestWithParam<const char*> {};

TEST_P(WholeModel, HasTheNamesOfItsStateDict) {
  const auto checkpoint = open(GetParam());
  auto expected = state_dict_names();
  expected.insert(expected.end(), {"settings.mean", "table"});
  EXPECT_THAT(names_of(checkpoint), UnorderedElementsAreArray(expected));
  const auto& fc = *checkpoint.state.find("fc.weight");
  EXPECT_THAT(fc.shape, ElementsAre(8, 8));
  EXPECT_EQ(fc.data, checkpoint.state.find("tied.weight")->data);
  EXPECT_TRUE(is_changeable(fc, checkpoint));
}

TEST_P(WholeModel, TellsWhatIsNoWeight) {
  const auto left = open(GetParam()).left_because;
  EXPECT_THAT(left, Contains(Pair("grid", "a buffer of its module")));
  EXPECT_THAT(left, Contains(Pair("places.weight", "an embedding")));
  EXPECT_THAT(left, Contains(Pair("blocks.0.norm.weight", "of a norm")));
  EXPECT_THAT(
      left,
      Contains(Pair("table", "an attribute of its module, not a parameter")));
  EXPECT_THAT(left, Not(Contains(Pair("fc.weight", ::testing::_))));
}

TEST_P(WholeModel, NamesItsClasses) {
  const auto code = code_of(open(GetParam()));
  EXPECT_EQ(code.at("grove.Net"), 1u);
  EXPECT_EQ(code.at("grove.Block"), 2u);
  EXPECT_EQ(code.count("grove.Kind.LEAF"), 1u);
  EXPECT_EQ(code.at("torch.nn.modules.conv.Conv2d"), 3u);
  EXPECT_EQ(code.at("torch.nn.functional.relu"), 0u);
  EXPECT_EQ(code.at("functools.partial"), 1u);
  EXPECT_EQ(dangerous_code(open(GetParam())), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    Pickles,
    WholeModel,
    ::testing::Values(
        "whole.pt",
        "whole.legacy.pt",
        "whole.protocol4.pt",
        "whole.protocol1.pt"),
    [](const auto& info) {
      std::string name = info.param;
      name = name.substr(0, name.size() - 3);
      for (char& c : name) {
        c = c == '.' ? '_' : c;
      }
      return name;
    });

TEST(InertObjects, AreWhatLightningSaves) {
  const auto checkpoint = open("lightning.pt");
  auto expected = std::vector<std::string>{
      "hyper_parameters.scale",
      "hyper_parameters.fortran",
      "hyper_parameters.objects.0",
      "hyper_parameters.own.a",
      "callbacks.#0.table",
      "keywords.table"};
  for (const auto& name : state_dict_names()) {
    expected.push_back("state_dict." + name);
  }
  EXPECT_THAT(names_of(checkpoint), UnorderedElementsAreArray(expected));
  EXPECT_THAT(
      code_of(checkpoint),
      IsSupersetOf({
          Pair("grove.AttributeDict", 1u),
          Pair("argparse.Namespace", 1u),
          Pair("pathlib.PurePosixPath", 1u),
          Pair("grove.Slots", 1u),
          Pair("grove.Keywords.__new__", 0u),
      }));
}

TEST(InertObjects, HoldArraysOfNumPy) {
  const auto checkpoint = open("lightning.pt");
  const auto& scale = *checkpoint.state.find("hyper_parameters.scale");
  EXPECT_EQ(scale.dtype, Dtype::F32);
  EXPECT_THAT(scale.shape, ElementsAre(2, 3));
  EXPECT_EQ(reinterpret_cast<const float*>(scale.data)[5], 5);
  EXPECT_EQ(scale.fixed_because, "an array of NumPy");
  EXPECT_FALSE(is_changeable(scale, checkpoint));
  const auto& fortran = *checkpoint.state.find("hyper_parameters.fortran");
  EXPECT_EQ(fortran.dtype, Dtype::F64);
  EXPECT_THAT(fortran.strides, ElementsAre(1, 3));
}

TEST(InertObjects, GiveATensorItsNameInTheModule) {
  // A model, its averages and an optimizer that refer to each other: tensors of
  // the model have its names, the remaining ones those of the others.
  const auto checkpoint = open("runner.pt");
  const auto names = names_of(checkpoint);
  EXPECT_THAT(
      names,
      IsSupersetOf(
          {"model.fc.weight", "runner.ema.shadow.fc.weight", "model.grid"}));
  for (const auto& name : names) {
    EXPECT_THAT(name, Not(::testing::HasSubstr("params"))) << name;
    EXPECT_THAT(name, Not(::testing::HasSubstr("me."))) << name;
  }
  EXPECT_EQ(
      std::count(names.begin(), names.end(), std::string("model.fc.weight")),
      1);
}

TEST(InertObjects, AreWhatOtherFrameworksSave) {
  const auto checkpoint = open("frameworks.pt");
  EXPECT_THAT(
      names_of(checkpoint),
      UnorderedElementsAreArray(
          {"module.weight",
           "module.bias",
           "parallel.module.weight",
           "parallel.module.bias"}));
  EXPECT_THAT(
      code_of(checkpoint),
      IsSupersetOf({
          Pair("omegaconf.dictconfig.DictConfig", 1u),
          Pair("deepspeed.runtime.fp16.loss_scaler.LossScaler", 1u),
          Pair("torch.nn.parallel.data_parallel.DataParallel", 1u),
      }));
}

TEST(InertObjects, AreDangerousOrNot) {
  for (const char* name : {"evil.pt", "evil.legacy.pt"}) {
    const auto checkpoint = open(name);
    EXPECT_THAT(
        names_of(checkpoint), ElementsAre("model.weight", "model.bias"));
    EXPECT_EQ(code_of(checkpoint).at("posix.system!"), 1u);
    const auto* danger = dangerous_code(checkpoint);
    ASSERT_NE(danger, nullptr);
    EXPECT_EQ(danger->name, "posix.system");
    EXPECT_EQ(danger->danger, "runs programs");
  }
  EXPECT_FALSE(std::filesystem::exists("coppice-was-here"));
}

} // namespace
} // namespace coppice::inert_objects_test
