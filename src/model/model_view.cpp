#include "coppice/model/model_view.h"

#include <torch/nn/modules/linear.h>

#include <typeinfo>

#include "coppice/model/hooked.h"
#include "core/fqn.h"

namespace coppice {
namespace {

bool is_linear(const torch::nn::Module& module) {
  using torch::nn::LinearImpl;
  return typeid(module) == typeid(LinearImpl) ||
      typeid(module) == typeid(nn::HookedImpl<LinearImpl>);
}

/// Scripted and traced modules keep Python's class name at the end of a mangled
/// path.
bool is_linear(const torch::jit::Module& module) {
  const auto name = module.type()->name();
  return name && name->name() == "Linear" && module.hasattr("weight");
}

std::vector<std::pair<std::string, const torch::nn::Module*>> children_of(
    const torch::nn::Module* module) {
  std::vector<std::pair<std::string, const torch::nn::Module*>> children;
  for (const auto& child : module->named_children()) {
    children.emplace_back(child.key(), child.value().get());
  }
  return children;
}

std::vector<std::pair<std::string, torch::jit::Module>> children_of(
    const torch::jit::Module& module) {
  std::vector<std::pair<std::string, torch::jit::Module>> children;
  for (const auto& child : module.named_children()) {
    children.emplace_back(child.name, child.value);
  }
  return children;
}

const torch::nn::Module& dereference(const torch::nn::Module* module) {
  return *module;
}
const torch::jit::Module& dereference(const torch::jit::Module& module) {
  return module;
}

/// The reference's traversal: a stack that starts with the root; the Linear
/// children of a popped module are taken, the others pushed. The root itself is
/// never taken.
template <typename Handle>
std::vector<std::string> linear_weights(const Handle& root) {
  std::vector<std::string> fqns;
  std::vector<std::pair<std::string, Handle>> stack = {{"", root}};
  while (!stack.empty()) {
    const auto [fqn, module] = stack.back();
    stack.pop_back();
    for (const auto& [name, child] : children_of(module)) {
      const std::string child_fqn = join_fqn(fqn, name);
      if (is_linear(dereference(child))) {
        fqns.push_back(join_fqn(child_fqn, "weight"));
      } else {
        stack.emplace_back(child_fqn, child);
      }
    }
  }
  return fqns;
}

} // namespace

ModelView::ModelView(const torch::nn::Module& module)
    : module_(&module), default_tensor_fqns_(linear_weights(&module)) {
  for (const auto& parameter : module.named_parameters()) {
    add(parameter.key(), parameter.value(), /*is_parameter=*/true);
  }
  for (const auto& buffer : module.named_buffers()) {
    add(buffer.key(), buffer.value(), /*is_parameter=*/false);
  }
}

ModelView::ModelView(const torch::jit::Module& module)
    : script_(module), default_tensor_fqns_(linear_weights(module)) {
  for (const auto& parameter : module.named_parameters()) {
    add(parameter.name, parameter.value, /*is_parameter=*/true);
  }
  for (const auto& buffer : module.named_buffers()) {
    add(buffer.name, buffer.value, /*is_parameter=*/false);
  }
}

ModelView::ModelView(std::vector<std::pair<std::string, torch::Tensor>> table) {
  for (const auto& [fqn, tensor] : table) {
    TORCH_CHECK_VALUE(
        !contains(fqn),
        "ModelView: the table has two tensors named `",
        fqn,
        "`");
    add(fqn, tensor, /*is_parameter=*/true);
    if (tensor.defined() && tensor.is_floating_point() && tensor.dim() >= 2) {
      default_tensor_fqns_.push_back(fqn);
    }
  }
}

void ModelView::add(
    std::string fqn,
    const torch::Tensor& tensor,
    bool is_parameter) {
  if (!tensor.defined()) {
    return;
  }
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].tensor.is_same(tensor)) {
      index_.emplace(std::move(fqn), i);
      return;
    }
  }
  index_.emplace(fqn, tensors_.size());
  tensors_.push_back({std::move(fqn), tensor, is_parameter});
}

std::vector<std::string> ModelView::tensor_fqns() const {
  std::vector<std::string> fqns;
  for (const auto& entry : tensors_) {
    fqns.push_back(entry.fqn);
  }
  return fqns;
}

bool ModelView::contains(const std::string& tensor_fqn) const {
  return index_.count(tensor_fqn) != 0;
}

torch::Tensor ModelView::at(const std::string& tensor_fqn) const {
  const auto found = index_.find(tensor_fqn);
  if (found != index_.end()) {
    return tensors_[found->second].tensor;
  }
  TORCH_CHECK_VALUE(
      !tensors_.empty(),
      "the model has no tensor `",
      tensor_fqn,
      "`: it has no tensors at all (a frozen TorchScript module keeps none)");
  TORCH_CHECK_VALUE(
      false,
      "the model has no tensor `",
      tensor_fqn,
      "`; the nearest name is `",
      nearest_name(tensor_fqn, tensor_fqns()),
      "`");
}

} // namespace coppice
