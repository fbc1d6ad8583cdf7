#pragma once

// The model of the reference's own test of activation sparsifiers
// (docs/reference.md 7.6) in the forms in which C++ has models.

#include <torch/script.h>
#include <torch/torch.h>

#include <functional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "coppice/core/activation_site.h"
#include "coppice/graph/activation_sites.h"
#include "coppice/graph/trace.h"
#include "coppice/model/hooked.h"
#include "model/activation_layers.h"

namespace coppice::testing {

/// A model in any form.
struct ActivationNet {
  ActivationLayers layers;
  std::function<torch::Tensor(const torch::Tensor& images)> forward;

  /// The site of a layer.
  ActivationSite& at(const std::string& fqn) const {
    for (const auto& layer : layers) {
      if (layer.fqn == fqn) {
        return *layer.site;
      }
    }
    throw std::out_of_range(fqn);
  }
};

/// Of `torch::nn` layers with hooks.
struct HookedNetImpl : torch::nn::Module {
  HookedNetImpl() {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("identity1", identity1);
    register_module("linear1", linear1);
    register_module("identity2", identity2);
    register_module("linear2", linear2);
  }

  torch::Tensor forward(torch::Tensor x) {
    x = torch::max_pool2d(identity1(conv2(conv1(x))), 2);
    return linear2(torch::relu(identity2(linear1(x.flatten(1)))));
  }

  coppice::nn::Hooked<torch::nn::Conv2d> conv1{
      torch::nn::Conv2dOptions(1, 32, 3)};
  coppice::nn::Hooked<torch::nn::Conv2d> conv2{
      torch::nn::Conv2dOptions(32, 32, 3)};
  coppice::nn::Hooked<torch::nn::Identity> identity1;
  coppice::nn::Hooked<torch::nn::Linear> linear1{4608, 128};
  coppice::nn::Hooked<torch::nn::Identity> identity2;
  coppice::nn::Hooked<torch::nn::Linear> linear2{128, 10};
};
TORCH_MODULE(HookedNet);

/// The same parameters at every call.
inline HookedNet seeded_net() {
  torch::manual_seed(1);
  return HookedNet();
}

inline ActivationNet hooked_net() {
  auto net = seeded_net();
  return {activation_layers(*net), [net](const torch::Tensor& x) mutable {
            return net(x);
          }};
}

inline ActivationNet script_net(torch::jit::Module script) {
  return {activation_layers(script), [script](const torch::Tensor& x) mutable {
            return script.forward({x}).toTensor();
          }};
}

inline ActivationNet traced_net() {
  return script_net(trace(
      seeded_net(),
      torch::zeros({2, 1, 28, 28}),
      TraceOptions().activation_sites(true)));
}

/// A layer with the parameters of `original` and a forward of one line.
inline torch::jit::Module scripted_layer(
    const std::string& name,
    const torch::nn::Module& original,
    const std::string& forward) {
  torch::jit::Module layer(name);
  for (const auto& parameter : original.named_parameters()) {
    layer.register_parameter(parameter.key(), parameter.value(), false);
  }
  layer.define("def forward(self, x: Tensor):\n    return " + forward + "\n");
  return layer;
}

inline ActivationNet scripted_net() {
  const auto net = seeded_net();
  const auto conv = "torch.conv2d(x, self.weight, self.bias)";
  const auto linear = "torch.linear(x, self.weight, self.bias)";
  torch::jit::Module script("Net");
  const auto add = [&](const char* name, const char* forward) {
    script.register_module(
        name, scripted_layer(name, *net->named_children()[name], forward));
  };
  add("conv1", conv);
  add("conv2", conv);
  add("identity1", "x");
  add("linear1", linear);
  add("identity2", "x");
  add("linear2", linear);
  script.define(R"(
def forward(self, x: Tensor):
    x = self.identity1.forward(self.conv2.forward(self.conv1.forward(x)))
    x = torch.flatten(torch.max_pool2d(x, [2, 2]), 1)
    x = self.identity2.forward(self.linear1.forward(x))
    return self.linear2.forward(torch.relu(x))
)");
  return script_net(with_activation_sites(script));
}

struct NetForm {
  const char* name;
  ActivationNet (*net)();
};

inline std::ostream& operator<<(std::ostream& stream, const NetForm& form) {
  return stream << form.name;
}

inline const NetForm kNetForms[] = {
    {"Hooked", hooked_net},
    {"Scripted", scripted_net},
    {"Traced", traced_net}};

} // namespace coppice::testing
