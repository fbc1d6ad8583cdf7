#pragma once

// Shared by the tests of activation sites.

#include <gtest/gtest.h>
#include <torch/script.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "coppice/graph/activation_sites.h"
#include "graph/script_models.h"

namespace coppice::testing {

/// fc1, relu, fc2; both layers have one class.
inline torch::jit::Module two_layers() {
  ScriptModels models;
  return models.module(
      "Net",
      {{"fc1", models.linear(4, 4)}, {"fc2", models.linear(4, 4)}},
      "def forward(self, x):\n"
      "    return self.fc2.forward(torch.relu(self.fc1.forward(x)))\n");
}

inline torch::Tensor input() {
  return torch::linspace(-1, 1, 12).reshape({3, 4});
}

inline torch::Tensor run(
    torch::jit::Module module,
    const torch::Tensor& x = input()) {
  const torch::NoGradGuard no_grad;
  return module.forward({x}).toTensor();
}

inline c10::intrusive_ptr<ActivationSite> site_of(
    const torch::jit::Module& module,
    const std::string& fqn) {
  for (const auto& layer : activation_layers(module)) {
    if (layer.fqn == fqn) {
      return layer.site;
    }
  }
  ADD_FAILURE() << "no layer " << fqn;
  return {};
}

inline std::string why_no_site(
    const torch::jit::Module& module,
    const std::string& fqn) {
  for (const auto& layer : activation_layers(module)) {
    if (layer.fqn == fqn) {
      return layer.why_no_site;
    }
  }
  return "no such layer";
}

/// The activations that pass the site from now on.
inline std::shared_ptr<std::vector<torch::Tensor>> watch(
    const torch::jit::Module& module,
    const std::string& fqn) {
  auto seen = std::make_shared<std::vector<torch::Tensor>>();
  if (const auto site = site_of(module, fqn)) {
    site->observe([seen](const torch::Tensor& x) { seen->push_back(x); });
  } else {
    ADD_FAILURE() << fqn << " has no site: " << why_no_site(module, fqn);
  }
  return seen;
}

inline ActivationMask whole(torch::Tensor mask) {
  return {{std::move(mask)}, false, {}, 0};
}

inline torch::jit::Module reloaded(const torch::jit::Module& module) {
  std::stringstream file;
  module.save(file);
  return torch::jit::load(file);
}

inline std::string graph_of(const torch::jit::Module& module) {
  return module.get_method("forward").graph()->toString();
}

} // namespace coppice::testing
