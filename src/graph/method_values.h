#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace coppice::graph {

/// A module of a TorchScript model: one instance, whatever its class is.
using Instance = c10::ivalue::Object;

/// An attribute that is no module, as a graph reads it.
struct Attribute {
  Instance* owner = nullptr;
  torch::jit::Value* module = nullptr; ///< The owner in the same graph.
  std::string name;
};

/// What the values of a method's graph stand for when it runs on `self`: which
/// are modules, and which are attributes (parameters, mostly) or views or lists
/// of them. Follows `prim::GetAttr` from `self`, into nested blocks and forked
/// subgraphs.
class MethodValues {
 public:
  MethodValues(torch::jit::Graph& graph, Instance* self);

  /// All nodes, those of nested blocks and subgraphs included, in order.
  const std::vector<torch::jit::Node*>& nodes() const {
    return nodes_;
  }

  /// All values that are modules.
  const std::unordered_map<torch::jit::Value*, Instance*>& modules() const {
    return modules_;
  }

  /// Null if it is no module, or one that only a run can tell.
  Instance* module_of(torch::jit::Value* value) const;

  /// Null if it is no attribute.
  const Attribute* attribute_of(torch::jit::Value* value) const;

 private:
  void follow(torch::jit::Block* block);
  void follow(torch::jit::Node* node);
  void follow_attribute(torch::jit::Node* node);
  void follow_subgraph(torch::jit::Node* node);

  std::vector<torch::jit::Node*> nodes_;
  std::unordered_map<torch::jit::Value*, Instance*> modules_;
  std::unordered_map<torch::jit::Value*, Attribute> attributes_;
};

/// A module's hook.
struct Hook {
  Instance* module = nullptr;
  std::string name;
};

/// The hook that `node` calls; nothing if it calls none.
std::optional<Hook> called_hook(
    torch::jit::Node* node,
    const MethodValues& values);

/// The method of that name, a hook included; null if there is none or it has no
/// graph.
torch::jit::GraphFunction* find_method(
    const Instance& instance,
    const std::string& name);

} // namespace coppice::graph
