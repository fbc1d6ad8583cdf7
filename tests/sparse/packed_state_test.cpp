// Saving packed weights, alone and in TorchScript modules, and loading invalid
// states.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <hwy/targets.h>

#include <cstdlib>
#include <sstream>

#include "coppice/sparse/operators.h"
#include "support/errors.h"
#include "support/packed.h"
#include "support/reference_python.h"
#include "support/temporary_folder.h"

namespace coppice::packed_state_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::same_bits;
using testing::sparse_weight;
using State = PackedWeight::State;

class EveryPackedState : public ::testing::TestWithParam<PackedFormat> {};

INSTANTIATE_TEST_SUITE_P(
    Formats,
    EveryPackedState,
    ::testing::ValuesIn(packed_formats()),
    [](const auto& info) { return to_string(info.param); });

/// A TorchScript module whose forward is `coppice::linear` with `weight`.
torch::jit::Module linear_module(const PackedWeightPtr& weight) {
  torch::jit::Module module("Net");
  module.register_attribute(
      "weight",
      torch::getCustomClassType<PackedWeightPtr>(),
      torch::jit::IValue(weight));
  auto graph = std::make_shared<torch::jit::Graph>();
  auto* self = graph->addInput("self")->setType(module.type());
  auto* x = graph->addInput("x");
  auto* w = graph->insertGetAttr(self, "weight");
  graph->registerOutput(
      graph->insert(c10::Symbol::fromQualString("coppice::linear"), {x, w}));
  auto* function = module._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*module.type()->name(), "forward"), graph);
  module.type()->addMethod(function);
  return module;
}

TEST_P(EveryPackedState, ComesBackFromATorchScriptFile) {
  auto weight = sparse_weight({21, 35}, 0.7);
  weight[3][5] = NAN;
  weight[4][5] = -1e-40;
  for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
    const auto original = PackedWeight::pack(
        weight, PackedWeightOptions(GetParam()).batch(7).dtype(dtype));
    auto module = linear_module(original);
    const auto x = testing::random({3, 35}, 9);
    const auto wanted = module.forward({x}).toTensor();
    std::stringstream file;
    module.save(file);
    auto loaded = torch::jit::load(file);
    EXPECT_TRUE(same_bits(loaded.forward({x}).toTensor(), wanted));
    const auto packed = loaded.attr("weight").toCustomClass<PackedWeight>();
    EXPECT_EQ(packed->format(), GetParam());
    EXPECT_EQ(packed->batch(), 7);
    EXPECT_EQ(packed->dtype(), dtype);
    EXPECT_TRUE(same_bits(packed->to_dense(), original->to_dense()));
  }
}

TEST_P(EveryPackedState, RunsOnEveryInstructionSet) {
  const auto weight = sparse_weight({21, 35}, 0.7);
  std::stringstream file;
  linear_module(PackedWeight::pack(weight, GetParam())).save(file);
  for (const int64_t batch : {1, 40}) {
    const auto x = testing::random({batch, 35}, 9);
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      file.seekg(0);
      const auto y = torch::jit::load(file).forward({x}).toTensor();
      EXPECT_TRUE(y.allclose(x.matmul(weight.t()), 1e-5, 1e-5))
          << hwy::TargetName(target);
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST_P(EveryPackedState, IsDeepCopiedWithItsModule) {
  const auto weight = sparse_weight({21, 35}, 0.7);
  const auto module = linear_module(PackedWeight::pack(weight, GetParam()));
  const auto copy = module.deepcopy();
  const auto packed = copy.attr("weight").toCustomClass<PackedWeight>();
  EXPECT_NE(packed, module.attr("weight").toCustomClass<PackedWeight>());
  EXPECT_TRUE(same_bits(packed->to_dense(), weight));
}

TEST(PackedState, HoldsABitmaskAndTheNonZeros) {
  const auto weight = torch::tensor({{0.F, 2.F, 0.F}, {3.F, 0.F, 5.F}});
  const auto [version, name, numbers, tensors] =
      PackedWeight::pack(
          weight, PackedWeightOptions(PackedFormat::PatternPanels).batch(9))
          ->state();
  EXPECT_EQ(version, 2);
  EXPECT_EQ(name, "pattern_panels");
  EXPECT_EQ(numbers, (std::vector<int64_t>{9, 2, 3}));
  EXPECT_TRUE(tensors[0].equal(torch::tensor({0b101010}, torch::kByte)));
  EXPECT_TRUE(tensors[1].equal(torch::tensor({2.F, 3.F, 5.F})));
}

TEST(PackedState, HoldsBFloat16WhereTheWeightDoes) {
  const auto weight = torch::tensor({{0.F, 1.00390625F}, {3.F, 0.F}});
  const auto tensors =
      std::get<3>(PackedWeight::pack(
                      weight,
                      PackedWeightOptions(PackedFormat::BitmaskRows)
                          .dtype(torch::kBFloat16))
                      ->state());
  EXPECT_EQ(tensors[1].scalar_type(), torch::kBFloat16);
  EXPECT_TRUE(tensors[1].equal(torch::tensor({1.F, 3.F}).to(torch::kBFloat16)));
}

/// A valid state changed by `damage` must be rejected.
template <class Damage>
std::string refusal(Damage damage) {
  auto state = PackedWeight::pack(
                   sparse_weight({16, 33}, 0.5), PackedFormat::CompressedRows)
                   ->state();
  damage(state);
  return message_of([&] { PackedWeight::from_state(state); });
}

TEST(PackedState, OfAnotherVersionIsRejectedInASentence) {
  for (const int64_t version : {1, 3}) {
    EXPECT_THAT(
        refusal([&](State& state) { std::get<0>(state) = version; }),
        AllOf(
            HasSubstr("another version of Coppice"),
            HasSubstr("state " + std::to_string(version))));
  }
}

TEST(PackedState, ThatIsDamagedIsRefused) {
  EXPECT_THAT(
      refusal([](State& state) { std::get<1>(state) = "dens"; }),
      HasSubstr("`dens`"));
  for (const auto& numbers : std::vector<std::vector<int64_t>>{
           {},
           {32},
           {32, 16},
           {32, -16, -33},
           {32, 16, 34},
           {32, 1 << 20, 1 << 20},
           {32, INT64_MAX, INT64_MAX},
           {32, 0, INT64_MAX},
           {32, INT64_MIN, 2},
           {0, 16, 33},
           {-5, 16, 33},
           {32, 16, 33, 1, 1, 1, 1, 1, 1, 1, 1}}) {
    refusal([&](State& state) { std::get<2>(state) = numbers; });
  }
}

TEST(PackedState, WithOtherTensorsIsRefused) {
  const auto with_bits = [](const torch::Tensor& bits) {
    return refusal([&](State& state) { std::get<3>(state)[0] = bits; });
  };
  EXPECT_THAT(with_bits({}), HasSubstr("bits"));
  with_bits(torch::zeros({66}));
  with_bits(torch::zeros({65}, torch::kByte));
  with_bits(torch::zeros({6, 11}, torch::kByte));
  with_bits(torch::zeros({1}, torch::kByte).expand({66}));
  with_bits(torch::zeros({66}, torch::kByte).to_sparse());
  with_bits(torch::empty({66}, torch::kByte).to(torch::kMeta));
  // Valid alone, but more or fewer bits than values.
  EXPECT_THAT(
      with_bits(torch::full({66}, 255, torch::kByte)), HasSubstr("values"));
  with_bits(torch::zeros({66}, torch::kByte));
  refusal([](State& state) { std::get<3>(state).pop_back(); });
  refusal([](State& state) { std::get<3>(state)[1] = torch::Tensor(); });
  refusal([](State& state) {
    auto& values = std::get<3>(state)[1];
    values = values.to(torch::kDouble);
  });
  refusal([](State& state) {
    auto& values = std::get<3>(state)[1];
    values = values.slice(0, 1);
  });
}

TEST(PackedState, OfADamagedFileThrowsOrGivesAWeight) {
  auto module = linear_module(PackedWeight::pack(
      sparse_weight({16, 33}, 0.5), PackedFormat::CompressedRows));
  std::ostringstream saved;
  module.save(saved);
  const std::string good = saved.str();
  int loaded = 0;
  for (size_t at = 0; at < good.size(); at += 7) {
    auto bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x15);
    try {
      std::istringstream file(bytes);
      torch::jit::load(file).forward({torch::ones({2, 33})});
      ++loaded;
    } catch (const std::exception&) {
      // Checks of LibTorch or ours.
    }
  }
  EXPECT_GT(loaded, 0);
}

TEST(PackedState, IsLoadedAndRunByPython) {
  if (!has_reference()) {
    GTEST_SKIP() << kNoReference;
  }
  if (python_library().empty()) {
    GTEST_SKIP() << "Python cannot load the library of this build";
  }
  const TemporaryFolder folder;
  auto module = linear_module(PackedWeight::pack(
      sparse_weight({21, 35}, 0.7), PackedFormat::PatternPanels));
  module.save(folder.file("net.pt"));
  const auto y = module.forward({torch::ones({3, 35})}).toTensor();
  const auto output = run_reference(
      "sparse/run_packed.py", python_library() + " " + folder.path());
  EXPECT_THAT(output, HasSubstr("done"));
  EXPECT_THAT(output, HasSubstr("PackedWeight(21 x 35, pattern_panels, "));
  EXPECT_THAT(output, HasSubstr("ValueError: pack: expected a weight"));
  auto from_python = torch::jit::load(folder.file("from_python.pt"));
  const auto again = from_python.forward({torch::ones({3, 35})}).toTensor();
  EXPECT_TRUE(again.allclose(y, 1e-5, 1e-5));
}

} // namespace
} // namespace coppice::packed_state_test
