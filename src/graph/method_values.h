#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace coppice::graph {

/// One instance of a module, whatever its class.
using Instance = c10::ivalue::Object;

/// An attribute, other than a submodule, that a graph reads.
struct Attribute {
  Instance* owner = nullptr;
  torch::jit::Value* module = nullptr; ///< Its owner in the same graph.
  std::string name;
};

/// Which values of a method's graph are modules, and which are attributes
/// (mostly parameters), or views or lists of them, when it runs on `self`.
/// Follows `prim::GetAttr` from `self`, into nested blocks and forked
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

  /// Null if it is not a module, or one chosen at run time.
  Instance* module_of(torch::jit::Value* value) const;

  /// Null if it is not an attribute.
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

/// The hook that `node` calls, if any.
std::optional<Hook> called_hook(
    torch::jit::Node* node,
    const MethodValues& values);

/// The method or hook of that name; null if there is none or it has no graph.
torch::jit::GraphFunction* find_method(
    const Instance& instance,
    const std::string& name);

} // namespace coppice::graph
