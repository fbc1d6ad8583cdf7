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

/// What `convert` puts in place of a layer, by the layer's exact type.
///
///     coppice::ConvertMapping mapping;
///     mapping.add<torch::nn::LinearImpl>(
///         [](const std::string& fqn, torch::nn::LinearImpl& linear) {
///           return torch::nn::AnyModule(coppice::nn::SparseLinear::from_dense(
///               linear, coppice::PackedFormat::PatternPanels));
///         });
class COPPICE_API ConvertMapping {
 public:
  /// Makes what stands in place of a layer; empty leaves the layer.
  using Replace = std::function<
      torch::nn::AnyModule(const std::string& fqn, torch::nn::Module& layer)>;

  /// `replace(fqn, layer)` returns a `torch::nn::AnyModule`. Takes the place of
  /// what was given for `Layer` before.
  template <class Layer, class Function>
  ConvertMapping& add(Function replace) {
    replacements_[typeid(Layer)] = [replace = std::move(replace)](
                                       const std::string& fqn,
                                       torch::nn::Module& layer) {
      return replace(fqn, dynamic_cast<Layer&>(layer));
    };
    return *this;
  }

  /// Null if layers of that type stay.
  const Replace* find(const torch::nn::Module& layer) const;

 private:
  std::map<std::type_index, Replace> replacements_;
};

/// Every `torch::nn::Linear` becomes a `SparseLinear` and every
/// `torch::nn::Conv2d` a `SparseConv2d`, packed as the options say.
/// Convolutions that `SparseConv2d` cannot be stay.
COPPICE_API ConvertMapping sparse_mapping(const PackedWeightOptions& options);

/// Replaces layers below `module` by what `mapping` makes of them, in place,
/// and returns their FQNs. `layers` are the FQNs, or shell patterns of them
/// (`encoder.*`), of those that are meant; without, all are whose type
/// `mapping` has. `module` itself never is. Weights that a sparsifier masks are
/// taken as they are; whether before or after `squash_mask` makes no
/// difference. To keep the dense model, convert a `clone()`.
///
/// A layer can be replaced where it is held in a `torch::nn::Sequential`,
/// `ModuleList` or `ModuleDict`, or by nothing but its registration (a forward
/// that looks it up). A typed member (`torch::nn::Linear fc1`) can hold no
/// other type and its owner's `forward` would go on calling it: there this
/// throws, and `trace` and `compile`, which work on the graph, are the way. A
/// layer that the caller holds too looks like a typed member.
///
/// Errors: c10::ValueError if a layer that is meant is a typed member, or an
///   entry of `layers` names none that `mapping` takes; then, as after an error
///   of the mapping, `module` is as it was.
/// Source: BaseSparsifier.convert, which copies the model unless told not to,
///   and finds layers by their parametrization.
COPPICE_API std::vector<std::string> convert(
    torch::nn::Module& module,
    const ConvertMapping& mapping,
    const std::vector<std::string>& layers = {});

} // namespace coppice
