#include <algorithm>
#include <set>
#include <string>

#include "graph/constant_values.h"
#include "graph/found_weight_op.h"

namespace coppice::graph {
namespace {

using torch::jit::Node;
using torch::jit::Value;

bool is_none(const Value* value) {
  const auto constant = torch::jit::toIValue(value);
  return constant && constant->isNone();
}

/// The matrix whose transpose a value is: a constant, or the result of an op
/// that transposes one. Undefined otherwise.
torch::Tensor constant_transposed(const Value* value, std::string& layer) {
  if (const auto whole = constant_tensor(value);
      whole.defined() && whole.dim() == 2) {
    layer = layer_name(value);
    return whole.t();
  }
  const auto* node = value->node();
  const std::string kind = node->kind().toQualString();
  bool swaps = kind == "aten::t" || kind == "aten::numpy_T";
  if (kind == "aten::transpose") {
    const auto a = constant_of<int64_t>(node->input(1));
    const auto b = constant_of<int64_t>(node->input(2));
    swaps = a && b && (*a - *b) % 2 != 0;
  }
  if (!swaps) {
    return {};
  }
  const auto matrix = constant_tensor(node->input(0));
  if (!matrix.defined() || matrix.dim() != 2) {
    return {};
  }
  layer = layer_name(node->input(0));
  return matrix;
}

/// Expands a list of one number to two.
std::vector<int64_t> pair_of(std::vector<int64_t> numbers) {
  if (numbers.size() == 1) {
    numbers.push_back(numbers[0]);
  }
  return numbers;
}

/// Reads a bias; false if it is not constant.
bool read_bias(const Value* value, WeightOp& op) {
  if (is_none(value)) {
    return true;
  }
  op.bias = constant_tensor(value);
  return op.bias.defined();
}

bool is_one(const Value* value) {
  const auto number = constant_of<at::Scalar>(value);
  return number && number->equal(1);
}

std::optional<FoundWeightOp> linear_of(Node* node) {
  FoundWeightOp found;
  found.op.weight = constant_tensor(node->input(1));
  found.op.layer_fqn = layer_name(node->input(1));
  if (!found.op.weight.defined() || found.op.weight.dim() != 2 ||
      !read_bias(node->input(2), found.op)) {
    return std::nullopt;
  }
  return found;
}

std::optional<FoundWeightOp> addmm_of(Node* node) {
  FoundWeightOp found;
  found.input = 1;
  found.op.weight = constant_transposed(node->input(2), found.op.layer_fqn);
  if (!found.op.weight.defined() || !read_bias(node->input(0), found.op) ||
      found.op.bias.dim() != 1 || !is_one(node->input(3)) ||
      !is_one(node->input(4))) {
    return std::nullopt;
  }
  return found;
}

std::optional<FoundWeightOp> matmul_of(Node* node) {
  FoundWeightOp found;
  found.op.weight = constant_transposed(node->input(1), found.op.layer_fqn);
  if (!found.op.weight.defined()) {
    return std::nullopt;
  }
  return found;
}

/// `conv2d`, or `_convolution`, which has `transposed` and `output_padding`
/// before the groups.
std::optional<FoundWeightOp> convolution_of(Node* node, bool is_general) {
  FoundWeightOp found;
  auto& op = found.op;
  op.kind = WeightOp::Kind::kConv2d;
  op.weight = constant_tensor(node->input(1));
  op.layer_fqn = layer_name(node->input(1));
  const auto stride = constant_of<std::vector<int64_t>>(node->input(3));
  const auto padding = constant_of<std::vector<int64_t>>(node->input(4));
  const auto dilation = constant_of<std::vector<int64_t>>(node->input(5));
  const auto groups = constant_of<int64_t>(node->input(is_general ? 8 : 6));
  if (!op.weight.defined() || op.weight.dim() != 4 ||
      !read_bias(node->input(2), op) || !stride || !padding || !dilation ||
      !groups ||
      (is_general && constant_of<bool>(node->input(6)).value_or(true))) {
    return std::nullopt;
  }
  op.stride = pair_of(*stride);
  op.padding = pair_of(*padding);
  op.dilation = pair_of(*dilation);
  op.groups = *groups;
  if (op.groups != 1) {
    op.why_dense = c10::str(op.groups, " groups");
  }
  return found;
}

std::optional<FoundWeightOp> product_of(Node* node) {
  const std::string kind = node->kind().toQualString();
  if (kind == "aten::linear") {
    return linear_of(node);
  }
  if (kind == "aten::addmm") {
    return addmm_of(node);
  }
  if (kind == "aten::matmul" || kind == "aten::mm") {
    return matmul_of(node);
  }
  if (kind == "aten::conv2d") {
    return convolution_of(node, false);
  }
  if (kind == "aten::_convolution") {
    return convolution_of(node, true);
  }
  return std::nullopt;
}

/// The only user of the result of `node`, in the same block.
Node* only_user(const Node* node) {
  const auto& uses = node->output()->uses();
  if (uses.size() != 1 || uses[0].user->owningBlock() != node->owningBlock() ||
      uses[0].user->kind() == torch::jit::prim::Return) {
    return nullptr;
  }
  return uses[0].user;
}

/// Fuses an add of a constant bias into a product without bias.
void fuse_bias(FoundWeightOp& found) {
  auto* user = only_user(found.last);
  const std::string kind = user ? user->kind().toQualString() : "";
  if (found.op.bias.defined() || found.op.kind != WeightOp::Kind::kLinear ||
      (kind != "aten::add" && kind != "aten::add_") ||
      user->inputs().size() != 3 || !is_one(user->input(2))) {
    return;
  }
  const size_t other = user->input(0) == found.last->output() ? 1 : 0;
  const auto bias = constant_tensor(user->input(other));
  if (bias.defined() && bias.dim() == 1 &&
      bias.size(0) == found.op.weight.size(0)) {
    found.op.bias = bias;
    found.last = user;
  }
}

void fuse_relu(FoundWeightOp& found) {
  auto* user = only_user(found.last);
  const std::string kind = user ? user->kind().toQualString() : "";
  if (kind == "aten::relu" || kind == "aten::relu_") {
    found.op.has_relu = true;
    found.last = user;
  }
}

void find_in(torch::jit::Block& block, std::vector<FoundWeightOp>& all) {
  for (auto* node : block.nodes()) {
    for (auto* inner : node->blocks()) {
      find_in(*inner, all);
    }
    auto found = product_of(node);
    if (!found) {
      continue;
    }
    found->first = found->last = node;
    found->op.weight = found->op.weight.detach();
    fuse_bias(*found);
    fuse_relu(*found);
    if (found->op.layer_fqn.empty()) {
      // Saved constants have no names.
      found->op.layer_fqn = c10::str("layer ", all.size() + 1);
    }
    if (found->op.weight.scalar_type() != torch::kFloat) {
      found->op.why_dense = "not float32";
    }
    all.push_back(std::move(*found));
  }
}

} // namespace

// Folding extends the name of a weight, and duplicate names get a number.
std::string layer_name(const Value* weight) {
  std::string name = weight->hasDebugName() ? weight->debugName() : "";
  const std::string self = "self.";
  if (name.rfind(self, 0) == 0) {
    name.erase(0, self.size());
  }
  const auto at = name.rfind(".weight");
  return at == std::string::npos ? name : name.substr(0, at);
}

std::vector<FoundWeightOp> find_weight_ops(torch::jit::Graph& graph) {
  std::vector<FoundWeightOp> all;
  find_in(*graph.block(), all);
  return all;
}

} // namespace coppice::graph
