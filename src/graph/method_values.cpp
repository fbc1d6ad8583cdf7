#include "graph/method_values.h"

#include <torch/csrc/jit/api/function_impl.h>

#include <algorithm>
#include <unordered_set>

namespace coppice::graph {
namespace {

using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

/// Whether the result of a node is a view of its first input.
bool returns_view(const Node& node) {
  static const auto kinds = [] {
    std::unordered_set<c10::Symbol> symbols;
    for (const char* name :
         {"aten::t",
          "aten::transpose",
          "aten::numpy_T",
          "aten::permute",
          "aten::view",
          "aten::reshape",
          "aten::squeeze",
          "aten::unsqueeze",
          "aten::detach",
          "aten::contiguous",
          "aten::to",
          "aten::type_as",
          "aten::_unwrap_optional",
          "prim::unchecked_cast",
          "prim::ListConstruct"}) {
      symbols.insert(c10::Symbol::fromQualString(name));
    }
    return symbols;
  }();
  return kinds.count(node.kind()) != 0;
}

} // namespace

MethodValues::MethodValues(torch::jit::Graph& graph, Instance* self) {
  modules_[graph.inputs().at(0)] = self;
  follow(graph.block());
}

Instance* MethodValues::module_of(Value* value) const {
  const auto found = modules_.find(value);
  return found == modules_.end() ? nullptr : found->second;
}

const Attribute* MethodValues::attribute_of(Value* value) const {
  const auto found = attributes_.find(value);
  return found == attributes_.end() ? nullptr : &found->second;
}

void MethodValues::follow(Block* block) {
  for (Node* node : block->nodes()) {
    follow(node);
    for (Block* nested : node->blocks()) {
      follow(nested);
    }
  }
}

void MethodValues::follow(Node* node) {
  nodes_.push_back(node);
  if (node->kind() == c10::prim::GetAttr) {
    follow_attribute(node);
  } else if (node->hasAttribute(c10::attr::Subgraph)) {
    follow_subgraph(node);
  } else if (returns_view(*node)) {
    for (Value* input : node->inputs()) {
      if (const auto* attribute = attribute_of(input)) {
        attributes_[node->output()] = *attribute;
        break;
      }
    }
  }
}

void MethodValues::follow_attribute(Node* node) {
  Instance* const owner = module_of(node->input());
  if (owner == nullptr) {
    return;
  }
  const auto& name = node->s(c10::attr::name);
  const auto slot = owner->type()->findAttributeSlot(name);
  if (!slot) {
    return;
  }
  if (owner->type()->getAttribute(*slot)->is_module()) {
    modules_[node->output()] = owner->getSlot(*slot).toObject().get();
  } else {
    attributes_[node->output()] = {owner, node->input(), name};
  }
}

void MethodValues::follow_subgraph(Node* node) {
  const auto& subgraph = node->g(c10::attr::Subgraph);
  const size_t count =
      std::min(node->inputs().size(), subgraph->inputs().size());
  for (size_t i = 0; i < count; ++i) {
    if (Instance* const module = module_of(node->inputs()[i])) {
      modules_[subgraph->inputs()[i]] = module;
    }
  }
  follow(subgraph->block());
}

std::optional<Hook> called_hook(Node* node, const MethodValues& values) {
  // Calls of hooks: functions whose first argument is the module.
  if (node->kind() != c10::prim::CallFunction || node->inputs().size() < 2) {
    return std::nullopt;
  }
  Instance* const module = values.module_of(node->inputs()[1]);
  const auto function = node->inputs()[0]->type()->cast<c10::FunctionType>();
  if (module == nullptr || function == nullptr ||
      module->type()->findHook(function->function()->name()) == nullptr) {
    return std::nullopt;
  }
  return Hook{module, function->function()->name()};
}

torch::jit::GraphFunction* find_method(
    const Instance& instance,
    const std::string& name) {
  auto* function = instance.type()->findMethod(name);
  if (function == nullptr) {
    function = instance.type()->findHook(name);
  }
  return function == nullptr ? nullptr
                             : torch::jit::tryToGraphFunction(*function);
}

} // namespace coppice::graph
