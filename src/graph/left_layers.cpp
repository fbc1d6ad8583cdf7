#include "graph/left_layers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "graph/constant_values.h"
#include "graph/found_weight_op.h"
#include "graph/left_reason.h"
#include "graph/op_roles.h"

namespace coppice::graph {
namespace {

using torch::jit::Block;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

/// Whether the result of a node is a view of its first input.
bool is_view(const Node* node) {
  static const std::set<std::string> kinds{
      "aten::t",
      "aten::transpose",
      "aten::numpy_T",
      "aten::permute",
      "aten::unsqueeze",
      "aten::squeeze",
      "aten::view",
      "aten::reshape",
      "aten::contiguous",
      "aten::detach",
      "aten::to",
      "aten::type_as",
      "aten::expand_as",
      "prim::unchecked_cast"};
  return kinds.count(node->kind().toQualString()) != 0;
}

/// "self.attn.in_proj_weight" -> "attn".
std::string without_weight(std::string name) {
  const auto dot = name.rfind('.');
  if (dot != std::string::npos &&
      name.find("weight", dot) != std::string::npos) {
    name.erase(dot);
  }
  return name;
}

bool is_weight(const torch::Tensor& tensor) {
  return tensor.defined() && tensor.is_floating_point() && tensor.dim() > 0;
}

/// Excludes constants that only scale or shift.
bool is_matrix(const torch::Tensor& tensor) {
  const auto sizes = tensor.sizes();
  return std::count_if(sizes.begin(), sizes.end(), [](int64_t size) {
           return size > 1;
         }) > 1;
}

/// Whether an op is LibTorch's own; those only pass objects on.
bool is_of_libtorch(c10::Symbol kind) {
  return kind.is_prim() || kind.is_aten();
}

class Finder {
 public:
  explicit Finder(const Module& frozen)
      : frozen_(frozen), graph_(frozen.get_method("forward").graph()) {
    for (const auto& each : find_weight_ops(*graph_)) {
      products_.insert(each.first);
      products_.insert(each.last);
      firsts_.insert(each.first);
    }
  }

  std::vector<LeftLayer> find() {
    visit(graph_->block(), false);
    return std::move(found_);
  }

 private:
  void visit(Block* block, bool is_forked);
  void visit_subgraph(Node* node);
  void look_at(Node* node, bool is_forked);
  void look_at_holder(const Node* node);
  void look_at_unknown(Node* node);
  void add(LeftLayer layer, const std::vector<TakenWeight>& weights);
  std::vector<TakenWeight> weights_of(Value* value) const;
  std::vector<TakenWeight> weights_of(Node* node, const OpRoles*& roles) const;
  std::optional<c10::IValue> attribute(Value* value, std::string& path) const;

  const Module& frozen_;
  std::shared_ptr<torch::jit::Graph> graph_;
  std::set<const Node*> products_, firsts_;
  std::unordered_map<Value*, Value*> outer_; ///< By inputs of subgraphs.
  std::vector<LeftLayer> found_;
  size_t place_ = 0;
};

/// The value of an attribute that a graph reads.
std::optional<c10::IValue> Finder::attribute(Value* value, std::string& path)
    const {
  if (const auto outer = outer_.find(value); outer != outer_.end()) {
    return attribute(outer->second, path);
  }
  if (value == graph_->inputs()[0]) {
    return c10::IValue(frozen_._ivalue());
  }
  auto* const node = value->node();
  if (node->kind() != c10::prim::GetAttr) {
    return std::nullopt;
  }
  const auto owner = attribute(node->inputs()[0], path);
  const auto& name = node->s(c10::attr::name);
  if (!owner || !owner->isObject() ||
      !owner->toObjectRef().type()->findAttributeSlot(name)) {
    return std::nullopt;
  }
  path += (path.empty() ? "" : ".") + name;
  return owner->toObject()->getAttr(name);
}

/// The weights in a value: itself, or the items of a list.
std::vector<TakenWeight> Finder::weights_of(Value* value) const {
  if (const auto outer = outer_.find(value); outer != outer_.end()) {
    return weights_of(outer->second);
  }
  auto* const node = value->node();
  if (is_view(node)) {
    return weights_of(node->inputs()[0]);
  }
  std::vector<TakenWeight> all;
  if (node->kind() == c10::prim::ListConstruct) {
    for (auto* input : node->inputs()) {
      const auto each = weights_of(input);
      all.insert(all.end(), each.begin(), each.end());
    }
    return all;
  }
  const auto constant = constant_value(value);
  std::string path;
  const auto held =
      constant ? std::optional<c10::IValue>(*constant) : attribute(value, path);
  const auto layer = constant ? layer_name(value) : without_weight(path);
  if (held && held->isTensor() && is_weight(held->toTensor())) {
    all.push_back({held->toTensor(), without_weight(layer), !constant});
  } else if (held && held->isTensorList()) {
    for (const auto& each : held->toTensorVector()) {
      all.push_back({each, without_weight(layer), !constant});
    }
  }
  return all;
}

std::vector<TakenWeight> Finder::weights_of(Node* node, const OpRoles*& roles)
    const {
  const auto inputs = node->inputs();
  std::vector<TakenWeight> all;
  const auto take = [&](size_t from, size_t to) {
    for (size_t i = from; i < std::min(to, inputs.size()); ++i) {
      const auto each = weights_of(inputs[i]);
      all.insert(all.end(), each.begin(), each.end());
    }
  };
  const auto weight = static_cast<size_t>(roles->weight);
  if (roles->family == OpFamily::kFused) {
    take(weight, inputs.size());
    return all;
  }
  take(weight, weight + roles->weights);
  // For packed sequences, the weights are one input later.
  if (all.empty() && roles->family == OpFamily::kRecurrent) {
    take(weight + 1, weight + 2);
  }
  const auto* const left = left_op_roles(node->kind());
  if (all.empty() && left != nullptr) {
    roles = left;
    take(left->weight, left->weight + 1);
  }
  return all;
}

void Finder::add(LeftLayer layer, const std::vector<TakenWeight>& weights) {
  for (const auto& each : weights) {
    layer.weights.push_back(each.tensor.detach());
    if (layer.layer_fqn.empty()) {
      layer.layer_fqn = each.layer;
    }
  }
  std::stable_sort(
      layer.weights.begin(), layer.weights.end(), [](auto& a, auto& b) {
        return a.numel() > b.numel();
      });
  if (layer.layer_fqn.empty()) {
    layer.layer_fqn = c10::str(layer.kind, " ", found_.size() + 1);
  }
  layer.place = place_;
  found_.push_back(std::move(layer));
}

/// An op that takes an object instead of a weight.
void Finder::look_at_holder(const Node* node) {
  const auto inputs = node->inputs();
  const bool holds =
      std::any_of(inputs.begin(), inputs.end(), [](const Value* value) {
        const auto type = value->type()->cast<c10::ClassType>();
        return type && !type->is_module();
      });
  const auto kind = node->kind();
  const std::string library = kind.ns().toUnqualString();
  const std::string name = kind.toUnqualString();
  if (!holds || is_of_libtorch(kind) || name == "activation_site") {
    return;
  }
  const bool is_packed = library == "coppice";
  add({"",
       name,
       {},
       is_packed ? "already packed by Coppice"
                 : "keeps its weight in an object of " + library,
       0},
      {});
}

/// An op with a constant matrix that is not a known op with weights.
void Finder::look_at_unknown(Node* node) {
  if (node->kind().is_prim() || is_view(node)) {
    look_at_holder(node);
    return;
  }
  std::vector<TakenWeight> weights;
  for (auto* input : node->inputs()) {
    for (const auto& each : weights_of(input)) {
      if (is_matrix(each.tensor) && !each.is_state) {
        weights.push_back(each);
      }
    }
  }
  if (weights.empty()) {
    look_at_holder(node);
    return;
  }
  const std::string name = node->kind().toUnqualString();
  add({"", name, {}, "not a known layer: " + name, 0}, weights);
}

void Finder::look_at(Node* node, bool is_forked) {
  place_ += firsts_.count(node);
  if (products_.count(node) != 0) {
    return;
  }
  const auto* roles = op_roles(node->kind());
  if (roles == nullptr) {
    look_at_unknown(node);
    return;
  }
  const auto weights = weights_of(node, roles);
  if (!weights.empty()) {
    const auto& first = weights.front();
    add({"",
         layer_kind(node, *roles, first.tensor),
         {},
         left_reason(node, *roles, first, is_forked),
         0},
        weights);
  }
}

void Finder::visit_subgraph(Node* node) {
  const auto& subgraph = node->g(c10::attr::Subgraph);
  const size_t count =
      std::min(node->inputs().size(), subgraph->inputs().size());
  for (size_t i = 0; i < count; ++i) {
    outer_[subgraph->inputs()[i]] = node->inputs()[i];
  }
  visit(subgraph->block(), true);
}

void Finder::visit(Block* block, bool is_forked) {
  for (auto* node : block->nodes()) {
    look_at(node, is_forked);
    for (auto* inner : node->blocks()) {
      visit(inner, is_forked);
    }
    if (node->hasAttribute(c10::attr::Subgraph)) {
      visit_subgraph(node);
    }
  }
}

} // namespace

std::vector<LeftLayer> find_left_layers(const Module& frozen) {
  return Finder(frozen).find();
}

} // namespace coppice::graph
