// Models of public reports through `coppice compile`: their state beside
// layers, their inputs, and their errors.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "cli/case_models.h"

namespace coppice::cli::case_models_test {
namespace {

using CaseRuns = CaseModels;
using ::testing::HasSubstr;

TEST_F(CaseRuns, KeepMethodsAndAttributes) {
  make("t02_methods.py");
  compiled("t02.pt", {"--input", "1x64"});
  const auto x = torch::randn({3, 64});
  expect_same_outputs(file("t02.pt"), {x});
  auto original = torch::jit::load(file("t02.pt"));
  auto result = torch::jit::load(out_);
  EXPECT_EQ(result.get_methods().size(), original.get_methods().size());
  expect_same(
      original.run_method("get_classes"), result.run_method("get_classes"));
  expect_same(original.run_method("encode", x), result.run_method("encode", x));
  EXPECT_EQ(result.attr("classes").toListRef().size(), 2U);
  EXPECT_EQ(result.attr("r_max").toDouble(), 5);
  EXPECT_EQ(result.attr("version").toTensor().item<int64_t>(), 3);
}

TEST_F(CaseRuns, KeepTheirStateAsItWasGiven) {
  make("t03_state_assigned.py");
  compiled("t03.pt", {"--input", "1x48"});
  constexpr int kCalls = 100;
  const auto x = torch::randn({1, 48});
  expect_same_outputs(file("t03.pt"), {x}, kCalls);
  auto result = torch::jit::load(out_);
  for (const char* name : {"h", "c"}) {
    EXPECT_TRUE(result.attr(name).toTensor().eq(0).all().item<bool>());
  }
  const auto first = result.forward({x}).toTensor();
  EXPECT_FALSE(result.attr("h").toTensor().eq(0).all().item<bool>());
  result.run_method("reset_memory");
  expect_same(first, result.forward({x}));
}

TEST_F(CaseRuns, AreComparedUnderEqualSeeds) {
  make("t05_random.py");
  for (const std::string name : {"t05_noise.pt", "t05_mc.pt"}) {
    EXPECT_EQ(compiled(name, {"--input", "4x64"})["random"], true) << name;
    expect_same_outputs(file(name), {torch::randn({4, 64})});
  }
}

TEST_F(CaseRuns, TakeContainersByAnExampleFile) {
  make("t06_inputs.py");
  make_by(
      "x = torch.randn(4, 64)\n"
      "torch.save(({'x': x},), 'D'), torch.save(([x, x],), 'L')\n"
      "torch.save(((x, x),), 'T')\n");
  const std::pair<std::string, std::string> kinds[] = {
      {"D", "a dictionary"}, {"L", "a list"}, {"T", "a tuple"}};
  for (const auto& [name, kind] : kinds) {
    const auto refused = compile_on("t06_" + name + ".pt", "4x64");
    expect_complaint(refused, 2, kind);
    EXPECT_THAT(refused.err, HasSubstr("--inputs FILE"));
  }
  const auto x = torch::randn({4, 64});
  compiled("t06_D.pt", {"--inputs", file("D")});
  c10::Dict<std::string, torch::Tensor> by_name;
  by_name.insert("x", x);
  expect_same_outputs(file("t06_D.pt"), {by_name});
  compiled("t06_L.pt", {"--inputs", file("L")});
  expect_same_outputs(file("t06_L.pt"), {c10::List<torch::Tensor>({x})});
  compiled("t06_T.pt", {"--inputs", file("T")});
  expect_same_outputs(file("t06_T.pt"), {c10::ivalue::Tuple::create({x, x})});
}

TEST_F(CaseRuns, TakeValuesAndGiveContainers) {
  make("t06_inputs.py");
  const auto x = torch::randn({4, 64});
  compiled("t06_N.pt", {"--input", "4x64"});
  expect_same_outputs(file("t06_N.pt"), {x});
  compiled(
      "t06_O.pt",
      {"--input",
       "4x64",
       "--input",
       "=none",
       "--input",
       "=2.5",
       "--input",
       "=false",
       "--input",
       "=\"b\""});
  expect_same_outputs(file("t06_O.pt"), {x, c10::IValue(), 2.5, false, "b"});
  expect_same_outputs(file("t06_O.pt"), {x, x.narrow(1, 0, 1), 1.0, true, "c"});
  expect_complaint(compile_on("t06_B.pt", "4x64"), 2, "`train` is missing");
  compiled("t06_B.pt", {"--input", "4x64", "--input", "=true"});
  expect_same_outputs(file("t06_B.pt"), {x, true});
  expect_complaint(compile_on("t06_E.pt", "4:int64"), 2, "4:int64[0,5]");
  compiled("t06_E.pt", {"--input", "4:int64[0,4]"});
  expect_same_outputs(file("t06_E.pt"), {torch::tensor({0, 1, 4, 2})});
}

TEST_F(CaseRuns, SayInOneSentenceThatAnIndexIsOutOfRange) {
  make("t27_crash_on_error.py");
  for (const std::string name : {"A", "B", "C", "D", "F", "G"}) {
    SCOPED_TRACE(name);
    const auto model = "t27_" + name + ".pt";
    expect_refused(compile_on(model, "4:int64"), "4:int64[0,3]");
  }
  expect_complaint(
      run_coppice({"bench", file("t27_G.pt"), "--input", "4:int64"}),
      2,
      "index 12 is out of bounds");
  compiled("t27_F.pt", {"--input", "4:int64[0,3]"});
  expect_same_outputs(file("t27_F.pt"), {torch::tensor({3, 0, 1, 2})});
}

TEST_F(CaseRuns, APotentialSaysTheRangeOfItsTypesAndCompiles) {
  const auto model = std::string(kCases) + "/deeppot_sea.pth";
  if (!std::filesystem::exists(model)) {
    GTEST_SKIP() << "there is no " << model;
  }
  expect_refused(
      compile(model, {"--input", "1x18:float64", "--input", "1x6:int64"}),
      "--input 1x6:int64[0,1]");
  const auto outcome =
      compile(model, {"--input", "1x18:float64", "--input", "1x6:int64[0,1]"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto places = torch::rand({1, 18}, torch::kDouble) * 4;
  const auto types = torch::tensor({{0, 1, 1, 0, 1, 1}});
  auto original = torch::jit::load(model, torch::kCPU);
  auto result = torch::jit::load(out_);
  expect_same(
      original.forward({places, types}), result.forward({places, types}));
  for (const auto& method : original.get_methods()) {
    EXPECT_TRUE(result.find_method(method.name())) << method.name();
  }
}

} // namespace
} // namespace coppice::cli::case_models_test
