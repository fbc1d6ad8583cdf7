#include "graph/model_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "graph/map_tensors.h"
#include "graph/value_text.h"
#include "support/errors.h"

namespace coppice::graph::model_inputs_test {
namespace {

using ::testing::HasSubstr;

torch::jit::Module net_of(const std::string& forward) {
  torch::jit::Module net("Net");
  net.define(forward);
  return net;
}

std::string refusal(
    const torch::jit::Module& module,
    const std::vector<c10::IValue>& inputs) {
  return testing::message_of([&] { check_inputs(module, inputs); });
}

TEST(ModelInputs, NamesWhatIsMissing) {
  const auto x = torch::ones({2});
  const auto net = net_of(
      "def forward(self, x, h, scale: float = 1.0):\n  return x + h * scale\n");
  EXPECT_EQ(
      refusal(net, {x}),
      "the model takes 2 to 3 inputs (`x`, `h`, `scale`) and got 1: `h` is "
      "missing");
  EXPECT_THAT(refusal(net, {}), HasSubstr("got 0: `x`, `h` are missing"));
  EXPECT_THAT(
      refusal(net, {x, x, 1.0, x}), HasSubstr("got 4: leave out the others"));
  check_inputs(net, {x, x});
  check_inputs(net, {x, x, 0.5});
  EXPECT_THAT(
      refusal(net_of("def forward(self):\n  return 1\n"), {x}),
      HasSubstr("the model takes no inputs and got 1"));
  EXPECT_THAT(
      refusal(torch::jit::Module("Net"), {x}),
      HasSubstr("no method `forward`"));
}

TEST(ModelInputs, SaysWhatAModelTakesInstead) {
  const auto x = torch::ones({2, 3});
  const auto takes = [](const std::string& type) {
    return net_of("def forward(self, x: " + type + "):\n  return 1\n");
  };
  EXPECT_EQ(
      refusal(takes("Dict[str, Tensor]"), {x}),
      "input `x` of the model is a dictionary (Dict[str, Tensor]) but got "
      "float32 [2, 3]");
  EXPECT_THAT(refusal(takes("List[Tensor]"), {x}), HasSubstr("is a list"));
  EXPECT_THAT(
      refusal(takes("Tuple[Tensor, Tensor]"), {x}), HasSubstr("is a tuple"));
  EXPECT_THAT(refusal(takes("bool"), {1}), HasSubstr("is a bool but got 1"));
  EXPECT_THAT(
      refusal(takes("Optional[Tensor]"), {"a"}),
      HasSubstr("is a tensor or none but got the string `a`"));
  check_inputs(takes("Optional[Tensor]"), {c10::IValue()});
}

TEST(ModelInputs, KnowsAModelThatTakesGradients) {
  EXPECT_FALSE(takes_gradients(net_of("def forward(self, x):\n  return x\n")));
  torch::jit::Module forces = net_of(
      "def energy(self, x):\n"
      "  return (x * x).sum()\n"
      "def force(self, x):\n"
      "  x.requires_grad_(True)\n"
      "  return torch.autograd.grad([self.energy(x)], [x])[0]\n"
      "def forward(self, x):\n"
      "  return self.force(x)\n");
  EXPECT_TRUE(takes_gradients(forces));
}

TEST(MapTensors, ReachesAllThatAValueHolds) {
  c10::impl::GenericDict dict(c10::StringType::get(), c10::TensorType::get());
  dict.insert("a", torch::ones({2}));
  const c10::IValue value = c10::ivalue::Tuple::create(
      {c10::List<torch::Tensor>({torch::ones({2})}), dict, 3, "text"});
  const auto changed =
      map_tensors(value, [](const torch::Tensor& x) { return x + 1; });
  EXPECT_FALSE(is_same(value, changed));
  EXPECT_TRUE(is_same(value, map_tensors(changed, [](const torch::Tensor& x) {
                        return x - 1;
                      })));
  EXPECT_EQ(
      value_text(changed),
      "a tuple of a list of float32 [2], a dictionary of a: float32 [2], 3, "
      "the string `text`");
  const auto copy = copy_of(value);
  dict.at("a").toTensor().zero_();
  EXPECT_FALSE(is_same(value, copy));
  dict.insert("b", torch::ones({2}));
  EXPECT_EQ(copy.toTupleRef().elements()[1].toGenericDict().size(), 1U);
}

} // namespace
} // namespace coppice::graph::model_inputs_test
