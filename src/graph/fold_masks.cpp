#include "graph/fold_masks.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <string>

#include "graph/constant_values.h"
#include "graph/found_weight_op.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

bool is_kind(const Node* node, const char* kind) {
  return node->kind() == c10::Symbol::fromQualString(kind);
}

/// A constant mask, possibly cast and expanded to the activation. Sets
/// `is_expanded` if the product cannot be larger than the activation.
torch::Tensor mask_of(const Value* value, bool& is_expanded) {
  const auto* node = value->node();
  while (is_kind(node, "aten::expand_as") || is_kind(node, "aten::type_as")) {
    is_expanded |= is_kind(node, "aten::expand_as");
    value = node->input(0);
    node = value->node();
  }
  return constant_tensor(value);
}

bool is_zeros_and_ones(const torch::Tensor& mask) {
  return mask.eq(0).logical_or(mask.eq(1)).all().item<bool>();
}

/// A mask for the inputs of a linear layer.
struct InputMask {
  torch::Tensor columns; ///< [in]; undefined if there is no mask to fold.
  Value* activation = nullptr;
};

InputMask input_mask(const FoundWeightOp& found) {
  const auto* product = found.input_value()->node();
  if (found.op.kind != WeightOp::Kind::kLinear ||
      !is_kind(product, "aten::mul") || product->output()->uses().size() != 1) {
    return {};
  }
  for (const size_t i : {0, 1}) {
    bool is_expanded = false;
    const auto mask = mask_of(product->input(i), is_expanded);
    // A two-dimensional mask would add a dimension to a one-dimensional
    // activation.
    if (mask.defined() && mask.dim() > 0 && (is_expanded || mask.dim() == 1) &&
        mask.numel() == found.op.weight.size(1) &&
        mask.size(-1) == mask.numel() && is_zeros_and_ones(mask)) {
      return {mask.flatten(), product->input(1 - i)};
    }
  }
  return {};
}

/// Index and layout of a product's weight.
struct WeightInput {
  size_t index;
  bool is_transposed;
};

WeightInput weight_input(const Node* product) {
  if (is_kind(product, "aten::linear")) {
    return {1, false};
  }
  return {is_kind(product, "aten::addmm") ? size_t(2) : size_t(1), true};
}

void fold(Graph& graph, const FoundWeightOp& found, const InputMask& mask) {
  const auto at = weight_input(found.first);
  const auto weight =
      found.op.weight * mask.columns.to(found.op.weight.options());
  const torch::jit::WithInsertPoint here(found.first);
  auto* const constant =
      graph.insertConstant(at.is_transposed ? weight.t() : weight);
  constant->setDebugName("self." + found.op.layer_fqn + ".weight");
  found.first->replaceInput(at.index, constant);
  found.first->replaceInput(found.input, mask.activation);
}

} // namespace

void fold_masks(const std::shared_ptr<Graph>& graph) {
  for (const auto& found : find_weight_ops(*graph)) {
    if (const auto mask = input_mask(found); mask.columns.defined()) {
      fold(*graph, found, mask);
    }
  }
  torch::jit::EliminateDeadCode(graph);
}

} // namespace coppice::graph
