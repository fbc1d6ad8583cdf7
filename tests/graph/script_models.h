#pragma once

// Small TorchScript modules for tests.

#include <torch/script.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coppice::testing {

/// Makes modules; equal names share a class.
class ScriptModels {
 public:
  torch::jit::Module linear(int64_t in, int64_t out) {
    auto module = instance("Linear");
    set(module, "weight", torch::randn({out, in}));
    set(module, "bias", torch::randn({out}));
    define_once(
        module,
        "def forward(self, x):\n"
        "    return torch.linear(x, self.weight, self.bias)\n");
    return module;
  }

  /// A layer without forward, for graphs in which its calls are inlined.
  torch::jit::Module parameters(
      const std::string& name,
      const std::vector<std::pair<std::string, torch::Tensor>>& parameters) {
    auto module = instance(name);
    for (const auto& [key, tensor] : parameters) {
      set(module, key, tensor);
    }
    return module;
  }

  torch::jit::Module module(
      const std::string& name,
      const std::vector<std::pair<std::string, torch::jit::Module>>& children,
      const std::string& source) {
    auto module = instance(name);
    for (const auto& [key, child] : children) {
      module.type()->addOrCheckAttribute(key, child.type());
      module._ivalue()->setAttr(key, child._ivalue());
    }
    define_once(module, source);
    return module;
  }

 private:
  torch::jit::Module instance(const std::string& name) {
    const c10::QualifiedName qualified("__torch__." + name);
    if (const auto type = unit_->get_class(qualified)) {
      return {unit_, type};
    }
    return {qualified, unit_, false};
  }

  static void set(
      torch::jit::Module& module,
      const std::string& name,
      const torch::Tensor& tensor) {
    module.register_attribute(
        name, c10::TensorType::get(), tensor.requires_grad_(), true, false);
  }

  static void define_once(
      torch::jit::Module& module,
      const std::string& source) {
    if (module.type()->methods().empty()) {
      module.define(source);
    }
  }

  std::shared_ptr<torch::jit::CompilationUnit> unit_ =
      std::make_shared<torch::jit::CompilationUnit>();
};

} // namespace coppice::testing
