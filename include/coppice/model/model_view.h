#pragma once

#include <torch/nn/module.h>
#include <torch/script.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// One tensor of a model. The tensor is a handle: writing to it in place
/// changes the model.
struct ModelTensor {
  std::string fqn; ///< "encoder.fc1.weight"
  torch::Tensor tensor;
  bool is_parameter = true; ///< False for a buffer.
};

/// One view of a `torch::nn::Module`, a `torch::jit::Module` or a plain table
/// of tensors: an ordered table of (tensor FQN, tensor).
///
/// Converts implicitly from each of them, so that functions take a `const
/// ModelView&` and callers pass their model. It holds handles, not copies, and
/// lists the tensors that the model had when the view was made.
class COPPICE_API ModelView {
 public:
  /*implicit*/ ModelView(const torch::nn::Module& module);
  /*implicit*/ ModelView(const torch::jit::Module& module);

  /// A plain table, in its order.
  ///
  /// Errors: c10::ValueError if a name occurs twice.
  /*implicit*/ ModelView(
      std::vector<std::pair<std::string, torch::Tensor>> table);

  /// Parameters and buffers, in the order of the model. A tensor registered
  /// under several names is listed once, under the first.
  const std::vector<ModelTensor>& tensors() const {
    return tensors_;
  }

  /// The module that this is a view of; null if it is a view of something else.
  /// Only as long as that lives.
  const torch::nn::Module* module() const {
    return module_;
  }
  const torch::jit::Module* script() const {
    return script_ ? &*script_ : nullptr;
  }

  /// The names of all tensors, in order.
  std::vector<std::string> tensor_fqns() const;

  /// Whether the model has a tensor of this name, aliases included.
  bool contains(const std::string& tensor_fqn) const;

  /// The tensor of that name.
  ///
  /// Errors: c10::ValueError if there is none, with the nearest name.
  torch::Tensor at(const std::string& tensor_fqn) const;

  /// The tensors that a sparsifier takes by default: the `weight` of every
  /// Linear layer, in the reference's order (a module's own Linear children
  /// first, then its other children, the last one first). For a plain table:
  /// every floating tensor of two or more dimensions.
  ///
  /// Source: BaseSparsifier.make_config_from_model.
  const std::vector<std::string>& default_tensor_fqns() const {
    return default_tensor_fqns_;
  }

 private:
  void add(std::string fqn, const torch::Tensor& tensor, bool is_parameter);

  const torch::nn::Module* module_ = nullptr;
  std::optional<torch::jit::Module> script_;
  std::vector<ModelTensor> tensors_;
  /// Every name, aliases included, with the index of its tensor.
  std::map<std::string, size_t> index_;
  std::vector<std::string> default_tensor_fqns_;
};

} // namespace coppice
