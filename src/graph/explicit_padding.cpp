#include "graph/explicit_padding.h"

#include <algorithm>
#include <string>
#include <vector>

#include "graph/constant_values.h"
#include "graph/graph_nodes.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

/// A convolution whose padding is a string.
struct NamedPadding {
  Node* node = nullptr;
  int64_t dims = 0; ///< Number of the kernel's dimensions.
  std::vector<int64_t> before;
  std::vector<int64_t> after; ///< Extra padding at the end.
};

std::optional<std::vector<int64_t>> kernel_of(const Node* node) {
  const std::string kind = node->kind().toQualString();
  const bool is_known = kind == "aten::conv1d" || kind == "aten::conv2d" ||
      kind == "aten::_convolution_mode";
  if (!is_known) {
    return std::nullopt;
  }
  const auto weight = constant_tensor(node->input(1));
  if (!weight.defined() || weight.dim() < 3 || weight.dim() > 4) {
    return std::nullopt;
  }
  return weight.sizes().slice(2).vec();
}

std::optional<NamedPadding> named_padding_of(Node* node) {
  const auto kernel = kernel_of(node);
  const auto word =
      kernel ? constant_of<std::string>(node->input(4)) : std::nullopt;
  const auto dilation =
      kernel ? constant_of<std::vector<int64_t>>(node->input(5)) : std::nullopt;
  if (!word || !dilation || dilation->empty() ||
      (*word != "same" && *word != "valid")) {
    return std::nullopt;
  }
  NamedPadding padding{node, static_cast<int64_t>(kernel->size()), {}, {}};
  for (size_t i = 0; i < kernel->size(); ++i) {
    const int64_t step = (*dilation)[std::min(i, dilation->size() - 1)];
    const int64_t total = *word == "same" ? step * ((*kernel)[i] - 1) : 0;
    padding.before.push_back(total / 2);
    padding.after.push_back(total % 2);
  }
  return padding;
}

/// The input, with zeros at the end if needed.
Value* padded(Graph& graph, const NamedPadding& padding) {
  auto* const input = padding.node->input(0);
  const auto& after = padding.after;
  if (std::all_of(
          after.begin(), after.end(), [](int64_t n) { return n == 0; })) {
    return input;
  }
  // Last dimension first: start, end.
  std::vector<int64_t> sides;
  for (auto each = after.rbegin(); each != after.rend(); ++each) {
    sides.insert(sides.end(), {0, *each});
  }
  auto* const node = graph.insertNode(graph.create(
      c10::Symbol::fromQualString("aten::constant_pad_nd"),
      {input, graph.insertConstant(sides), graph.insertConstant(0)}));
  node->output()->setType(c10::TensorType::get());
  return node->output();
}

void rewrite(Graph& graph, const NamedPadding& padding) {
  auto* const old = padding.node;
  const torch::jit::WithInsertPoint here(old);
  auto* const input = padded(graph, padding);
  auto* const numbers = graph.insertConstant(padding.before);
  auto* const node = graph.insertNode(graph.create(
      c10::Symbol::fromQualString(
          padding.dims == 1 ? "aten::conv1d" : "aten::conv2d"),
      {input,
       old->input(1),
       old->input(2),
       old->input(3),
       numbers,
       old->input(5),
       old->input(6)}));
  node->output()->copyMetadata(old->output());
  old->output()->replaceAllUsesWith(node->output());
  old->destroy();
}

} // namespace

void explicit_padding(const std::shared_ptr<Graph>& graph) {
  for (auto* const node : nodes_in(*graph)) {
    if (const auto padding = named_padding_of(node)) {
      rewrite(*graph, *padding);
    }
  }
}

} // namespace coppice::graph
