#include "graph/layer_entries.h"
#include "graph/op_roles.h"

namespace coppice::graph {

std::optional<WeightedOp> weighted_op(
    torch::jit::Node* node,
    const MethodValues& values) {
  const auto attribute = [&](size_t i) {
    return values.attribute_of(node->inputs()[i]);
  };
  const auto* roles = op_roles(node->kind());
  // The input of an embedding is indices; a fused layer has several inputs.
  if (roles == nullptr || roles->family == OpFamily::kEmbedding ||
      roles->family == OpFamily::kFused) {
    return std::nullopt;
  }
  const auto* left = left_op_roles(node->kind());
  if (left != nullptr && attribute(roles->weight) == nullptr) {
    roles = left;
  }
  if (attribute(roles->activation) != nullptr) {
    return std::nullopt; // A product of two weights.
  }
  WeightedOp op;
  op.activation = static_cast<size_t>(roles->activation);
  op.weight = attribute(roles->weight);
  // A batch norm without weight has a running mean.
  for (size_t i = 0; op.weight == nullptr && i < node->inputs().size(); ++i) {
    op.weight = attribute(i);
  }
  return op.weight == nullptr ? std::nullopt : std::make_optional(op);
}

} // namespace coppice::graph
