#include "graph/conv1d_as_conv2d.h"

#include <string>
#include <vector>

#include "graph/constant_values.h"
#include "graph/graph_nodes.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

/// Dimension of the height; negative, as inputs may have no batch dimension.
constexpr int64_t kHeight = -2;

/// Parameters of a one-dimensional convolution.
struct Conv1d {
  Node* node = nullptr;
  torch::Tensor weight; ///< [out, in / groups, width]
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
};

std::optional<int64_t> only_number(const Value* value) {
  const auto numbers = constant_of<std::vector<int64_t>>(value);
  return numbers && numbers->size() == 1 ? std::make_optional(numbers->front())
                                         : std::nullopt;
}

std::optional<Conv1d> conv1d_of(Node* node) {
  const std::string kind = node->kind().toQualString();
  const bool is_general = kind == "aten::_convolution";
  if (!is_general && kind != "aten::conv1d") {
    return std::nullopt;
  }
  const auto weight = constant_tensor(node->input(1));
  const auto stride = only_number(node->input(3));
  const auto padding = only_number(node->input(4));
  const auto dilation = only_number(node->input(5));
  const auto groups = constant_of<int64_t>(node->input(is_general ? 8 : 6));
  const bool is_transposed =
      is_general && constant_of<bool>(node->input(6)).value_or(true);
  if (!weight.defined() || weight.dim() != 3 || !stride || !padding ||
      !dilation || !groups || is_transposed) {
    return std::nullopt;
  }
  return Conv1d{node, weight, *stride, *padding, *dilation, *groups};
}

/// The relu that is the only user of the result, or null.
Node* only_relu(const Node* node) {
  const auto& uses = node->output()->uses();
  if (uses.size() != 1 || uses[0].user->owningBlock() != node->owningBlock()) {
    return nullptr;
  }
  const std::string kind = uses[0].user->kind().toQualString();
  return kind == "aten::relu" || kind == "aten::relu_" ? uses[0].user : nullptr;
}

Value* call(Graph& graph, const char* op, std::vector<Value*> inputs) {
  auto* const node = graph.create(c10::Symbol::fromQualString(op), inputs);
  graph.insertNode(node);
  node->output()->setType(c10::TensorType::get());
  return node->output();
}

/// The weight with a height of 1, under the weight's name, which identifies the
/// layer.
Value* weight_of(Graph& graph, const Conv1d& conv) {
  const auto* const before = conv.node->input(1);
  auto* const weight = graph.insertConstant(conv.weight.unsqueeze(kHeight));
  if (before->hasDebugName()) {
    weight->setDebugName(before->debugName());
  }
  return weight;
}

void rewrite(Graph& graph, const Conv1d& conv) {
  auto* const relu = only_relu(conv.node);
  auto* const last = relu ? relu : conv.node;
  const torch::jit::WithInsertPoint here(conv.node);
  const auto numbers = [&](int64_t height, int64_t width) {
    return graph.insertConstant(std::vector<int64_t>{height, width});
  };
  auto* const height = graph.insertConstant(kHeight);
  auto* result = call(
      graph,
      "aten::conv2d",
      {call(graph, "aten::unsqueeze", {conv.node->input(0), height}),
       weight_of(graph, conv),
       conv.node->input(2),
       numbers(1, conv.stride),
       numbers(0, conv.padding),
       numbers(1, conv.dilation),
       graph.insertConstant(conv.groups)});
  if (relu) {
    result = call(graph, "aten::relu", {result});
  }
  last->output()->replaceAllUsesWith(
      call(graph, "aten::squeeze", {result, height}));
  last->destroy();
  if (relu) {
    conv.node->destroy();
  }
}

} // namespace

void conv1d_as_conv2d(const std::shared_ptr<Graph>& graph) {
  std::vector<Conv1d> found;
  for (Node* node : nodes_in(*graph)) {
    if (auto conv = conv1d_of(node)) {
      found.push_back(std::move(*conv));
    }
  }
  for (const auto& conv : found) {
    rewrite(*graph, conv);
  }
}

} // namespace coppice::graph
