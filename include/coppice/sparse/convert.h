#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/any.h>
#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "coppice/export.h"
#include "coppice/sparse/packed_weight.h"

namespace coppice {

/// Replacements for `convert`, by the exact type of the layer.
///
///     coppice::ConvertMapping mapping;
///     mapping.add<torch::nn::LinearImpl>(
///         [](const std::string& fqn, torch::nn::LinearImpl& linear) {
///           return torch::nn::AnyModule(coppice::nn::SparseLinear::from_dense(
///               linear, coppice::PackedFormat::PatternPanels));
///         });
class COPPICE_API ConvertMapping {
 public:
  /// Makes the replacement of a layer; an empty result keeps the layer.
  using Replace = std::function<
      torch::nn::AnyModule(const std::string& fqn, torch::nn::Module& layer)>;

  /// `replace(fqn, layer)` returns a `torch::nn::AnyModule`. Overrides an
  /// earlier function for `Layer`.
  template <class Layer, class Function>
  ConvertMapping& add(Function replace) {
    replacements_[typeid(Layer)] = [replace = std::move(replace)](
                                       const std::string& fqn,
                                       torch::nn::Module& layer) {
      return replace(fqn, dynamic_cast<Layer&>(layer));
    };
    return *this;
  }

  /// The function for the type of `layer`; null if there is none.
  const Replace* find(const torch::nn::Module& layer) const;

 private:
  std::map<std::type_index, Replace> replacements_;
};

/// Replaces every `torch::nn::Linear` by a `SparseLinear` and every
/// `torch::nn::Conv2d` by a `SparseConv2d`, packed by `options`. Keeps
/// convolutions that `SparseConv2d` does not support.
COPPICE_API ConvertMapping sparse_mapping(const PackedWeightOptions& options);

/// Replaces layers below `module` in place by `mapping`, and returns their
/// FQNs. `layers` selects them by FQN or shell pattern (`encoder.*`); empty
/// selects all with a type in `mapping`. `module` itself is never replaced.
/// Masked weights are packed as they are, before or after `squash_mask`. To
/// keep the dense model, convert a `clone()`.
///
/// A layer can be replaced in a `torch::nn::Sequential`, `ModuleList` or
/// `ModuleDict`, or if only its registration owns it (and `forward` looks it
/// up). A typed member (`torch::nn::Linear fc1`) cannot hold another type, and
/// its owner's `forward` would still call it: this throws, and `trace` and
/// `compile`, which work on the graph, are the alternative. A layer that the
/// caller also owns looks like a typed member.
///
/// Errors: c10::ValueError if a selected layer is a typed member, or an entry
///   of `layers` selects nothing in `mapping`. After this or an error of the
///   mapping, `module` is unchanged.
/// Source: BaseSparsifier.convert, which copies the model by default and finds
///   layers by their parametrization.
COPPICE_API std::vector<std::string> convert(
    torch::nn::Module& module,
    const ConvertMapping& mapping,
    const std::vector<std::string>& layers = {});

} // namespace coppice
