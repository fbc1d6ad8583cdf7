#pragma once

#include <torch/script.h>

#include <string>

namespace coppice::testing {

/// A TorchScript layer `x @ weight.t()`; weight is [out, in].
inline torch::jit::Module script_linear(const torch::Tensor& weight) {
  torch::jit::Module layer("Linear");
  layer.register_parameter("weight", weight, false);
  layer.define(
      "def forward(self, x):\n  return x @ self.weight.t()"
      "\n");
  return layer;
}

/// 6 -> 8 -> 3 with a relu between: `fc1`, `fc2`.
inline torch::jit::Module script_net() {
  torch::manual_seed(3);
  torch::jit::Module net("Net");
  net.register_module("fc1", script_linear(torch::randn({8, 6})));
  net.register_module("fc2", script_linear(torch::randn({3, 8})));
  net.define(
      "def forward(self, x):\n  return "
      "self.fc2.forward(torch.relu(self.fc1.forward(x)))"
      "\n");
  return net;
}

/// A model that prints that it runs and then never ends.
inline torch::jit::Module endless_net() {
  torch::jit::Module endless("Endless");
  endless.register_parameter("weight", torch::ones({2, 6}), false);
  endless.define(
      "def forward(self, x):\n"
      "  for i in range(10000):\n" // Until its output is written.
      "    print('it runs')\n"
      "  while bool(x.numel() > 0):\n"
      "    x = x + 1\n"
      "  return torch.linear(x, self.weight)\n");
  return endless;
}

} // namespace coppice::testing
