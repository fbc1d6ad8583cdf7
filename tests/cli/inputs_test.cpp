// Inputs from --input and --inputs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "cli/arguments.h"
#include "cli/errors.h"
#include "cli/example_file.h"
#include "cli/input_shapes.h"
#include "cli/literals.h"
#include "cli/model_inputs.h"
#include "cli/tensor_file.h"
#include "coppice/model/torch_tensors.h"
#include "io/torch_file.h"
#include "support/temporary_folder.h"

namespace coppice::cli::inputs_test {
namespace {

using ::testing::HasSubstr;

torch::jit::Module net_of(const std::string& arguments) {
  torch::jit::Module net("Net");
  net.define("def forward(self, " + arguments + "):\n  return 1\n");
  return net;
}

template <typename Work>
std::string refusal_of(Work work) {
  try {
    work();
  } catch (const InputError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

torch::Tensor made(const std::string& text) {
  return inputs_from({text}, net_of("x")).at(0).toTensor();
}

TEST(MadeUpInputs, HaveTheDtypeThatIsAsked) {
  const std::pair<const char*, torch::ScalarType> dtypes[] = {
      {"float32", torch::kFloat},
      {"float64", torch::kDouble},
      {"float16", torch::kHalf},
      {"bfloat16", torch::kBFloat16},
      {"int64", torch::kLong},
      {"int32", torch::kInt},
      {"int16", torch::kShort},
      {"int8", torch::kChar},
      {"uint8", torch::kByte},
      {"bool", torch::kBool},
      {"complex64", torch::kComplexFloat}};
  for (const auto& [name, type] : dtypes) {
    const auto x = made(std::string("2x3:") + name);
    EXPECT_EQ(x.scalar_type(), type);
    EXPECT_EQ(x.sizes().vec(), std::vector<int64_t>({2, 3}));
  }
}

TEST(MadeUpInputs, StayInTheirRange) {
  const auto integers = made("4000:int64[-2,3]");
  EXPECT_EQ(integers.min().item<int64_t>(), -2);
  EXPECT_EQ(integers.max().item<int64_t>(), 3);
  EXPECT_EQ(made("4000:uint8[250,255]").max().item<int64_t>(), 255);
  EXPECT_TRUE(made("9:bool[0,0]").logical_not().all().item<bool>());
  const auto floats = made("4000[0.25,0.5]");
  EXPECT_GE(floats.min().item<double>(), 0.25);
  EXPECT_LE(floats.max().item<double>(), 0.5);
  EXPECT_NEAR(floats.mean().item<double>(), 0.375, 0.01);
  EXPECT_TRUE(made("3:int64[7,7]").equal(torch::full({3}, 7, torch::kLong)));
  for (const char* wrong :
       {"2:int64[5,1]",
        "2:int64[0.5,1]",
        "2:uint8[0,256]",
        "2:int8[-129,0]",
        "2[1,0]",
        "2[nan,1]",
        "2[0,inf]",
        "2[0]",
        "2[0,1",
        "2[,]"}) {
    EXPECT_THAT(
        refusal_of([&] { made(wrong); }),
        HasSubstr(std::string("--input ") + wrong));
  }
}

TEST(MadeUpInputs, MayBeValues) {
  const auto net = net_of(
      "i: int, f: float, b: bool, s: str, n: Optional[Tensor], l: List[float]");
  const auto inputs =
      inputs_from({"=3", "=2", "=true", "=\"16\"", "=none", "=[1, 2.5]"}, net);
  EXPECT_EQ(inputs[0].toInt(), 3);
  EXPECT_EQ(inputs[1].toDouble(), 2);
  EXPECT_TRUE(inputs[2].toBool());
  EXPECT_EQ(inputs[3].toStringRef(), "16");
  EXPECT_TRUE(inputs[4].isNone());
  EXPECT_EQ(inputs[5].toDoubleVector(), std::vector<double>({1, 2.5}));
  EXPECT_THAT(
      refusal_of([&] { inputs_from({"=0.5"}, net_of("i: int")); }),
      HasSubstr("the model takes an integer there"));
  EXPECT_THAT(
      refusal_of([&] { inputs_from({"3"}, net_of("b: bool")); }),
      HasSubstr("give it as --input =true"));
  EXPECT_THAT(
      refusal_of([&] { inputs_from({"3"}, net_of("d: Dict[str, Tensor]")); }),
      HasSubstr("is a dictionary (Dict[str, Tensor]), not a tensor; write"));
  EXPECT_THAT(
      refusal_of([&] { inputs_from({"3"}, net_of("x, h")); }),
      HasSubstr("`h` is missing; give --input once for each"));
}

TEST(MadeUpInputs, AdviseARangeWhereAnIndexIsOutOfIt) {
  InputOptions options;
  options.inputs = {"1x4", "2x6:int64"};
  EXPECT_EQ(
      with_advice(
          "index 12 is out of bounds for dimension 0 with size 4", options),
      "index 12 is out of bounds for dimension 0 with size 4; say which "
      "integers it takes, as in --input 2x6:int64[0,3]");
  EXPECT_EQ(
      with_advice("the shapes do not fit", options), "the shapes do not fit");
  options.inputs = {"1x4"};
  EXPECT_EQ(
      with_advice("index 1 is out of range", options),
      "index 1 is out of range");
}

PickleValue tensor(const torch::Tensor& value) {
  PickleTensor result;
  result.tensor = as_stored("", value);
  return result;
}

class ExampleFile : public ::testing::Test {
 protected:
  std::vector<c10::IValue> read(
      const PickleValue& value,
      const std::string& arguments) const {
    write_torch_file(folder_.file("x.pt"), value);
    return inputs_in_file(folder_.file("x.pt"), net_of(arguments));
  }

  std::string refusal(const PickleValue& value, const std::string& arguments)
      const {
    return refusal_of([&] { read(value, arguments); });
  }

  TemporaryFolder folder_;
  torch::Tensor x_ = torch::arange(6).reshape({2, 3}).to(torch::kFloat);
};

TEST_F(ExampleFile, GivesInputsInOrder) {
  PickleTuple given;
  given.items = {tensor(x_), 3, PickleValue(), true, "text"};
  const auto inputs =
      read(given, "x, f: float, m: Optional[Tensor], b: bool, s: str");
  EXPECT_TRUE(inputs[0].toTensor().equal(x_));
  EXPECT_EQ(inputs[1].toDouble(), 3);
  EXPECT_TRUE(inputs[2].isNone());
  EXPECT_TRUE(inputs[3].toBool());
  EXPECT_EQ(inputs[4].toStringRef(), "text");
  EXPECT_THAT(refusal(given, "x"), HasSubstr("takes 1 input (`x`) and got 5"));
}

TEST_F(ExampleFile, GivesInputsByName) {
  PickleDict given;
  given.set("b", true);
  given.set("x", tensor(x_));
  const auto inputs = read(given, "x, n: int = 4, b: bool = False");
  EXPECT_EQ(inputs[1].toInt(), 4);
  EXPECT_TRUE(inputs[2].toBool());
  EXPECT_THAT(
      refusal(given, "x, c: bool"),
      HasSubstr("the model has no input `b`; the nearest is"));
  EXPECT_THAT(
      refusal(given, "x, y, b: bool"), HasSubstr("gives no `y`, which"));
}

TEST_F(ExampleFile, GivesStructures) {
  PickleDict dict;
  dict.set("a", tensor(x_));
  PickleList list;
  list.items = {tensor(x_), tensor(x_ + 1)};
  PickleTuple pair;
  pair.items = {dict, list};
  PickleTuple all;
  all.items = {pair};
  const auto inputs = read(all, "p: Tuple[Dict[str, Tensor], List[Tensor]]");
  const auto& parts = inputs[0].toTupleRef().elements();
  EXPECT_TRUE(parts[0].toGenericDict().at("a").toTensor().equal(x_));
  EXPECT_TRUE(parts[1].toTensorVector()[1].equal(x_ + 1));
  // The only input itself.
  EXPECT_EQ(read(list, "l: List[Tensor]")[0].toTensorVector().size(), 2U);
  EXPECT_EQ(read(dict, "d: Dict[str, Tensor]")[0].toGenericDict().size(), 1U);
  EXPECT_TRUE(read(tensor(x_), "x")[0].toTensor().equal(x_));
  EXPECT_THAT(
      refusal(all, "p: Tuple[Dict[str, Tensor], Tensor]"),
      HasSubstr("input `p`, item 1, is a list, but the model takes a tensor"));
}

TEST_F(ExampleFile, MayBeASafetensorsFile) {
  save_tensors(
      folder_.file("x"),
      {{"x10", x_ + 10}, {"x2", x_ + 2}, {"x3", torch::tensor(7)}});
  const auto by_order =
      inputs_in_file(folder_.file("x"), net_of("a, n: int, b"));
  EXPECT_TRUE(by_order[0].toTensor().equal(x_ + 2));
  EXPECT_EQ(by_order[1].toInt(), 7);
  EXPECT_TRUE(by_order[2].toTensor().equal(x_ + 10));
  const auto by_name =
      inputs_in_file(folder_.file("x"), net_of("x10, x2, x3: int"));
  EXPECT_TRUE(by_name[0].toTensor().equal(x_ + 10));
}

} // namespace
} // namespace coppice::cli::inputs_test
