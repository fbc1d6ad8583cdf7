// What `compile` keeps of a model besides `forward`, with packed weights
// installed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "compile/winners.h"
#include "support/errors.h"

namespace coppice::compile_kept_test {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using torch::jit::Module;

constexpr const char* kFormat = "sorted_rows";

torch::Tensor sparse_weight(int64_t rows, int64_t cols) {
  const auto weight = torch::randn({rows, cols}) * 0.1;
  return weight * torch::rand({rows, cols}).gt(0.9);
}

/// A model with a layer `fc`, [32, 32].
Module net_with_layer() {
  torch::manual_seed(1);
  Module layer("Linear");
  layer.register_parameter("weight", sparse_weight(32, 32), false);
  layer.define(
      "def forward(self, x):\n  return torch.linear(x, self.weight)\n");
  Module net("Net");
  net.register_module("fc", layer);
  return net;
}

Module reloaded(const Module& module) {
  std::stringstream file;
  module.save(file);
  auto copy = torch::jit::load(file);
  copy.eval();
  return copy;
}

torch::Tensor input(int64_t call) {
  torch::manual_seed(call);
  return torch::randn({2, 32});
}

/// Compiled with packed weights, saved and loaded.
Module compiled(const Module& net) {
  auto result =
      testing::compile_as_if_won_by(kFormat, net, {input(0)}, testing::quick());
  EXPECT_EQ(result.layers.at(0).format, kFormat);
  return reloaded(result.module);
}

/// A hundred calls in order give the same results.
void expect_same_calls(Module& a, Module& b, int64_t calls = 100) {
  const torch::NoGradGuard no_grad;
  for (int64_t i = 0; i < calls; ++i) {
    const auto x = a.forward({input(i)}).toTensor();
    const auto y = b.forward({input(i)}).toTensor();
    ASSERT_TRUE(x.allclose(y, 1e-4, 1e-5)) << "call " << i;
  }
}

struct Stateful {
  const char* what;
  std::function<void(Module&)> add;
  const char* source;
};

/// All forms of state in TorchScript.
const std::vector<Stateful>& stateful() {
  static const std::vector<Stateful> all{
      {"a buffer that is assigned",
       [](Module& net) {
         net.register_buffer("h", torch::ones({2, 32}));
       },
       "def forward(self, x):\n"
       "  self.h = torch.tanh(self.fc.forward(x) + self.h)\n"
       "  return self.h\n"
       "def reset(self):\n"
       "  self.h = torch.zeros([2, 32])\n"},
      {"a buffer that is written to",
       [](Module& net) {
         net.register_buffer("h", torch::ones({2, 32}));
       },
       "def forward(self, x):\n"
       "  self.h.copy_(torch.tanh(self.fc.forward(x) + self.h))\n"
       "  return self.h + 0\n"
       "def reset(self):\n"
       "  self.h.zero_()\n"},
      {"a part of a buffer that is written to",
       [](Module& net) {
         net.register_buffer("h", torch::ones({3, 2, 32}));
       },
       "def forward(self, x):\n"
       "  y = self.fc.forward(x) + self.h.sum(0)\n"
       "  self.h[0] = torch.tanh(y)\n"
       "  return y\n"
       "def reset(self):\n"
       "  self.h.zero_()\n"},
      {"a number",
       [](Module& net) { net.register_attribute("n", c10::IntType::get(), 3); },
       "def forward(self, x):\n"
       "  self.n = self.n + 1\n"
       "  return self.fc.forward(x) * self.n\n"
       "def reset(self):\n"
       "  self.n = 0\n"},
      {"a list of tensors",
       [](Module& net) {
         net.register_attribute(
             "h",
             c10::ListType::ofTensors(),
             c10::List<torch::Tensor>({torch::ones({2, 32})}));
       },
       "def forward(self, x):\n"
       "  y = self.fc.forward(x) + self.h[0]\n"
       "  self.h[0] = torch.tanh(y)\n"
       "  return y\n"
       "def reset(self):\n"
       "  self.h[0] = torch.zeros([2, 32])\n"},
      {"a dictionary",
       [](Module& net) {
         c10::Dict<std::string, torch::Tensor> dict;
         dict.insert("h", torch::ones({2, 32}));
         net.register_attribute(
             "state",
             c10::DictType::create(
                 c10::StringType::get(), c10::TensorType::get()),
             dict);
       },
       "def forward(self, x):\n"
       "  y = self.fc.forward(x) + self.state['h']\n"
       "  self.state['h'] = torch.tanh(y)\n"
       "  return y\n"
       "def reset(self):\n"
       "  self.state['h'] = torch.zeros([2, 32])\n"},
      {"a buffer that is seen under two names",
       [](Module& net) {
         const auto memory = torch::ones({4, 32});
         net.register_buffer("whole", memory);
         net.register_buffer("part", memory.slice(0, 0, 2));
       },
       "def forward(self, x):\n"
       "  y = self.fc.forward(x) + self.part\n"
       "  self.whole.mul_(0.5)\n"
       "  return y\n"
       "def reset(self):\n"
       "  self.whole.zero_()\n"},
  };
  return all;
}

TEST(CompileKept, StateIsAsItWasGiven) {
  for (const auto& each : stateful()) {
    SCOPED_TRACE(each.what);
    auto net = net_with_layer();
    each.add(net);
    net.define(each.source);
    net.eval();
    auto original = reloaded(net);
    auto result = compiled(net);
    expect_same_calls(original, result);
    original.get_method("reset")({});
    result.get_method("reset")({});
    expect_same_calls(original, result, 5);
    // The original did not run.
    auto given = reloaded(net);
    auto again = compiled(net);
    expect_same_calls(given, again, 5);
  }
}

TEST(CompileKept, StateOfSubmodules) {
  auto net = net_with_layer();
  Module memory("Memory");
  memory.register_buffer("h", torch::ones({2, 32}));
  memory.define(
      "def forward(self, x):\n"
      "  self.h = 0.5 * self.h + x\n"
      "  return self.h\n"
      "def reset(self):\n"
      "  self.h = torch.zeros([2, 32])\n");
  net.register_module("memory", memory);
  net.register_module("again", memory);
  net.define(
      "def forward(self, x):\n"
      "  y = self.memory.forward(self.fc.forward(x))\n"
      "  return y + self.again.h\n");
  net.eval();
  auto original = reloaded(net);
  auto result = compiled(net);
  expect_same_calls(original, result);
  // Only users call it.
  for (auto* each : {&original, &result}) {
    each->attr("memory").toModule().get_method("reset")({});
  }
  expect_same_calls(original, result, 5);
}

TEST(CompileKept, WhatAnyMethodWritesIsNoConstant) {
  auto net = net_with_layer();
  net.register_buffer("scale", torch::ones({32}));
  net.define(
      "def forward(self, x):\n"
      "  return self.fc.forward(x) * self.scale\n"
      "def set_scale(self, x: float):\n"
      "  self.scale.fill_(x)\n");
  net.eval();
  auto original = reloaded(net);
  auto result = compiled(net);
  for (auto* each : {&original, &result}) {
    each->get_method("set_scale")({3.0});
  }
  expect_same_calls(original, result, 5);
}

TEST(CompileKept, NumbersOfTheModelMayBeSet) {
  auto net = net_with_layer();
  net.register_attribute("gain", c10::FloatType::get(), 1.0);
  net.register_attribute("is_on", c10::BoolType::get(), true);
  net.define(
      "def forward(self, x):\n"
      "  y = self.fc.forward(x)\n"
      "  if self.is_on:\n"
      "    y = y * self.gain\n"
      "  return y\n");
  net.eval();
  auto original = reloaded(net);
  auto result = compiled(net);
  for (auto* each : {&original, &result}) {
    each->setattr("gain", 2.0);
  }
  expect_same_calls(original, result, 3);
  for (auto* each : {&original, &result}) {
    each->setattr("is_on", false);
  }
  expect_same_calls(original, result, 3);
}

TEST(CompileKept, MethodsRunTheOriginalLayers) {
  auto net = net_with_layer();
  Module other("Linear2");
  other.register_parameter("weight", sparse_weight(32, 32), false);
  other.define(
      "def forward(self, x):\n  return torch.linear(x, self.weight)\n");
  net.register_module("head", other);
  net.register_attribute(
      "classes",
      c10::ListType::ofStrings(),
      c10::List<std::string>({"cat", "dog"}));
  net.register_buffer("version", torch::tensor({3}));
  net.define(
      "def encode(self, x):\n"
      "  return self.fc.forward(x).relu()\n"
      "def get_classes(self):\n"
      "  return self.classes\n"
      "def forward(self, x):\n"
      "  return self.head.forward(self.encode(x))\n");
  net.eval();
  auto original = reloaded(net);
  auto result = compiled(net);
  expect_same_calls(original, result, 3);
  EXPECT_TRUE(result.get_method("encode")({input(1)})
                  .toTensor()
                  .equal(original.get_method("encode")({input(1)}).toTensor()));
  EXPECT_EQ(result.get_method("get_classes")({}).toListRef().size(), 2U);
  EXPECT_EQ(result.attr("version").toTensor().item<int64_t>(), 3);
  // The weight that `encode` needs is kept, the other is not.
  EXPECT_EQ(result.parameters().size(), 1U);
  EXPECT_FALSE(result.hasattr("head"));
}

TEST(CompileKept, MethodsMayChooseBetweenSubmodulesWhileTheyRun) {
  auto net = net_with_layer();
  const auto fc = net.attr("fc").toModule();
  for (const auto* name : {"a", "b"}) {
    auto other = fc.copy(); // Of the same class.
    other.setattr("weight", sparse_weight(32, 32));
    net.register_module(name, other);
  }
  net.define(
      "def choose(self, x, first: bool):\n"
      "  layer = self.a\n"
      "  if not first:\n"
      "    layer = self.b\n"
      "  return self.fc.forward(layer.forward(x))\n"
      "def forward(self, x):\n"
      "  return self.fc.forward(x)\n");
  net.eval();
  auto original = reloaded(net);
  auto result = compiled(net);
  expect_same_calls(original, result, 3);
  for (const bool first : {true, false}) {
    EXPECT_TRUE(
        result.get_method("choose")({input(1), first})
            .toTensor()
            .equal(
                original.get_method("choose")({input(1), first}).toTensor()));
  }
  EXPECT_EQ(result.parameters().size(), 3U); // `choose` needs them all.
}

TEST(CompileKept, NamesLayersPackedBefore) {
  auto net = net_with_layer();
  net.register_parameter(
      "last", torch::randn({4, 32}, torch::kFloat64), false); // Stays dense.
  net.define(
      "def forward(self, x):\n"
      "  return torch.linear(self.fc.forward(x).double(), self.last)\n");
  net.eval();
  const auto again = compile(compiled(net), {input(0)}, testing::quick());
  EXPECT_THAT(again.table(), HasSubstr("already packed by Coppice"));
}

TEST(CompileKept, DoesNotChangeTheOriginal) {
  auto net = net_with_layer();
  net.register_buffer("h", torch::ones({2, 32}));
  net.define(
      "def forward(self, x):\n"
      "  self.h.add_(self.fc.forward(x))\n"
      "  return self.h + 0\n");
  net.train();
  compiled(net);
  EXPECT_TRUE(net.attr("h").toTensor().equal(torch::ones({2, 32})));
  EXPECT_TRUE(net.is_training());
  EXPECT_EQ(net.parameters().size(), 1U);
}

TEST(CompileKept, RefusesAModelThatDecidesWhatIsSaved) {
  Module net("Net");
  net.register_attribute("training", c10::BoolType::get(), true);
  net.register_parameter("weight", sparse_weight(32, 32), false);
  net.define(
      "def forward(self, x):\n"
      "  return torch.linear(x, self.weight)\n"
      "def __getstate__(self):\n"
      "  return (self.training, self.weight)\n"
      "def __setstate__(self, state: Tuple[bool, Tensor]) -> None:\n"
      "  self.training = state[0]\n"
      "  self.weight = state[1]\n");
  net.eval();
  EXPECT_THAT(
      message_of([&] { compile(net, {input(0)}, testing::quick()); }),
      HasSubstr("__getstate__"));
}

TEST(CompileKept, CountsAWeightThatRunsTwiceOnce) {
  auto net = net_with_layer();
  net.define(
      "def forward(self, x):\n"
      "  return self.fc.forward(self.fc.forward(x))\n");
  net.eval();
  const auto result =
      testing::compile_as_if_won_by(kFormat, net, {input(0)}, testing::quick());
  ASSERT_EQ(result.layers.size(), 2U);
  EXPECT_EQ(result.layers[0].bytes_before, 32 * 32 * 4);
  EXPECT_EQ(result.layers[1].bytes_before, 0);
  EXPECT_EQ(result.layers[1].bytes_after, 0);
  EXPECT_EQ(result.layers[1].name(), "fc, call 2");
}

} // namespace
} // namespace coppice::compile_kept_test
