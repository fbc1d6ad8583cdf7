// Attention of several smaller ops, for a LibTorch that lacks the one.

#include <limits>

#include "graph/exported_ops.h"

namespace coppice::graph {

using torch::jit::Value;

Value* ExportedOps::argument(
    const io::ExportedNode& node,
    std::string_view name) {
  for (const auto& input : node.inputs) {
    if (input.name == name) {
      return values_.value_of(input.value);
    }
  }
  return nullptr;
}

bool ExportedOps::is_true(const io::ExportedNode& node, std::string_view name)
    const {
  for (const auto& input : node.inputs) {
    if (input.name == name) {
      return input.value.value.truth().value_or(false);
    }
  }
  return false;
}

bool ExportedOps::add_decomposed(
    const io::ExportedNode& node,
    const OpName& op) {
  if (op.name != "aten::scaled_dot_product_attention" ||
      is_true(node, "enable_gqa")) {
    return false;
  }
  name_outputs(node, {attention(node)});
  return true;
}

Value* ExportedOps::masked_scores(Value* scores, const io::ExportedNode& node) {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  constexpr int64_t kBool = 12; // Of the schema's dtypes.
  const auto without = [&](Value* kept) {
    return call(
        "aten::masked_fill",
        {scores, call("aten::logical_not", {kept}), constant(kLowest)});
  };
  if (is_true(node, "is_causal")) {
    return without(call("aten::tril", {call("aten::ones_like", {scores})}));
  }
  for (const auto& input : node.inputs) {
    if (input.name == "attn_mask" && !input.value.name().empty()) {
      const auto meta = exported_.values["tensor_values"][input.value.name()];
      auto* mask = values_.value_of(input.value);
      return meta["dtype"].integer() == kBool
          ? without(mask)
          : call("aten::add", {scores, mask});
    }
  }
  return scores;
}

/// Softmax of query times key, times value.
Value* ExportedOps::attention(const io::ExportedNode& node) {
  auto* query = argument(node, "query");
  auto* key = argument(node, "key");
  auto* value = argument(node, "value");
  if (query == nullptr || key == nullptr || value == nullptr) {
    fail_at(op_name_of(node.target), "without what it needs; save it again");
  }
  auto* scale = argument(node, "scale");
  if (scale == nullptr || scale->type()->kind() == c10::TypeKind::NoneType) {
    auto* width = call("aten::size", {query, constant(-1)});
    query = call("aten::div", {query, call("aten::sqrt", {width})});
  } else {
    query = call("aten::mul", {query, scale});
  }
  auto* turned = call("aten::transpose", {key, constant(-2), constant(-1)});
  auto* scores = masked_scores(call("aten::matmul", {query, turned}), node);
  auto* weights = call("aten::softmax", {scores, constant(-1)});
  for (const auto& input : node.inputs) {
    if (input.name == "dropout_p" && input.value.value.real() != 0.0) {
      weights = call(
          "aten::dropout",
          {weights, values_.value_of(input.value), constant(true)});
    }
  }
  return call("aten::matmul", {weights, value});
}

} // namespace coppice::graph
