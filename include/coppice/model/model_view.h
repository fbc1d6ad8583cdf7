#pragma once

#include <torch/nn/module.h>
#include <torch/script.h>

#include <map>
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
/// Converts from each of them, so that functions take a `const ModelView&` and
/// callers pass their model. It holds handles, not copies: it stays valid as
/// long as the tensors do and sees a model as it was when the view was made.
class COPPICE_API ModelView {
 public:
  /*implicit*/ ModelView(const torch::nn::Module& module);
  /*implicit*/ ModelView(const torch::jit::Module& module);

  /// A plain table, in its order.
  ///
  /// Errors: c10::ValueError if a name is there twice.
  /*implicit*/ ModelView(
      std::vector<std::pair<std::string, torch::Tensor>> table);

  /// Parameters and buffers, in the order of the model. A tensor that is
  /// registered under several names is listed once, under the first.
  const std::vector<ModelTensor>& tensors() const {
    return tensors_;
  }

  /// The names of all tensors, in order.
  std::vector<std::string> tensor_fqns() const;

  /// Whether the model has a tensor of this name, under any of its names.
  bool contains(const std::string& tensor_fqn) const;

  /// The tensor of that name.
  ///
  /// Errors: c10::ValueError if there is none; the message names the nearest
  ///   name that exists.
  torch::Tensor at(const std::string& tensor_fqn) const;

  /// What a sparsifier takes when no configuration names its tensors: the
  /// `weight` of every Linear layer, in the reference's order (a module's own
  /// Linear children first, then its other children, the last one first). Of a
  /// plain table: every floating tensor of two or more dimensions.
  ///
  /// Source: BaseSparsifier.make_config_from_model.
  const std::vector<std::string>& default_tensor_fqns() const {
    return default_tensor_fqns_;
  }

 private:
  void add(std::string fqn, const torch::Tensor& tensor, bool is_parameter);

  std::vector<ModelTensor> tensors_;
  /// Every name, aliases included, with the index of its tensor.
  std::map<std::string, size_t> index_;
  std::vector<std::string> default_tensor_fqns_;
};

} // namespace coppice
