#include "graph/frozen_copy.h"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/passes/freeze_module.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <algorithm>
#include <exception>
#include <map>
#include <string>

#include "graph/call_stacks.h"
#include "graph/clone_with_changes.h"
#include "graph/deduplicate_constants.h"
#include "graph/forward_weights.h"
#include "graph/frozen_graph.h"
#include "graph/graph_nodes.h"
#include "graph/op_roles.h"
#include "graph/reloaded.h"
#include "graph/remaining.h"
#include "graph/run_error.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

constexpr const char* kEntry = "coppice_entry_";

/// The submodule at `path`; where an attribute has an interface type, its
/// class.
Value* module_along(
    Graph& graph,
    Value* value,
    Instance* instance,
    const std::vector<std::string>& path) {
  for (const auto& name : path) {
    value = graph.insertNode(graph.createGetAttr(value, name))->output();
    instance = instance->getAttr(name).toObject().get();
    value->setType(instance->type());
  }
  return value;
}

/// A graph of the root that calls a method of the submodule at `path`.
std::shared_ptr<Graph> calling(
    const Module& root,
    const std::vector<std::string>& path,
    const torch::jit::Function& method) {
  auto graph = std::make_shared<Graph>();
  auto* const self = graph->addInput("self")->setType(root.type());
  std::vector<Value*> inputs{
      module_along(*graph, self, root._ivalue().get(), path)};
  const auto& arguments = method.getSchema().arguments();
  for (size_t i = 1; i < arguments.size(); ++i) {
    inputs.push_back(graph->addInput()->setType(arguments[i].type()));
  }
  auto* const call =
      graph->insertNode(graph->create(c10::prim::CallMethod, inputs));
  call->s_(c10::attr::name, method.name());
  call->output()->setType(method.getSchema().returns().at(0).type());
  graph->registerOutput(call->output());
  return graph;
}

/// Adds root methods for all functions that may be called from outside, so that
/// freezing sees their writes. Returns the names.
std::vector<std::string> add_entries(Module& root) {
  std::vector<std::string> names;
  std::map<Instance*, std::vector<std::string>> paths;
  for (const auto& each : instances_in(root)) {
    paths[each.instance] = each.path;
  }
  for (const auto& [instance, name] : entries_beside_forward(root)) {
    auto* const function = find_method(*instance, name);
    if (function == nullptr) {
      continue;
    }
    const auto& path = paths.at(instance);
    const auto graph = path.empty() ? function->graph()->copy()
                                    : calling(root, path, *function);
    names.push_back(kEntry + std::to_string(names.size()));
    root.type()->addMethod(root._ivalue()->compilation_unit()->create_function(
        c10::QualifiedName(*root.type()->name(), names.back()), graph));
  }
  return names;
}

bool is_plain(const c10::TypePtr& type) {
  const auto kind = type->kind();
  return kind == c10::TypeKind::IntType || kind == c10::TypeKind::FloatType ||
      kind == c10::TypeKind::BoolType || kind == c10::TypeKind::StringType;
}

/// Whether a number is a parameter of an op, such as a stride.
bool shapes_an_op(const Value* value) {
  const auto& uses = value->uses();
  return std::any_of(uses.begin(), uses.end(), [](const auto& use) {
    return op_roles(use.user->kind()) != nullptr ||
        (use.user->kind() == c10::prim::ListConstruct &&
         shapes_an_op(use.user->output()));
  });
}

/// Numbers, flags and strings of the root that its `forward` reads: users may
/// set them.
std::vector<std::string> settable(const Module& root) {
  auto graph = root.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  std::map<std::string, bool> found;
  for (Node* node : nodes_in(*graph)) {
    if (node->kind() == c10::prim::GetAttr &&
        node->input() == graph->inputs()[0] &&
        is_plain(node->output()->type()) &&
        node->s(c10::attr::name) != "training") {
      auto& fits = found.emplace(node->s(c10::attr::name), true).first->second;
      fits = fits && !shapes_an_op(node->output());
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, fits] : found) {
    if (fits) {
      names.push_back(name);
    }
  }
  return names;
}

bool writes(Instance& instance) {
  for (auto* const method : instance.type()->methods()) {
    auto* const function = torch::jit::tryToGraphFunction(*method);
    if (function == nullptr) {
      continue;
    }
    auto graph = function->graph();
    for (Node* node : nodes_in(*graph)) {
      const auto* const schema = node->maybeSchema();
      if (node->kind() == c10::prim::SetAttr ||
          (schema != nullptr && schema->is_mutable())) {
        return true;
      }
    }
  }
  return false;
}

void add_paths(
    Instance* instance,
    const std::string& path,
    std::map<Instance*, std::vector<std::string>>& all) {
  all[instance].push_back(path);
  for (size_t i = 0; i < instance->type()->numAttributes(); ++i) {
    if (instance->type()->getAttribute(i)->is_module()) {
      add_paths(
          instance->getSlot(i).toObject().get(),
          path + instance->type()->getAttributeName(i) + ".",
          all);
    }
  }
}

/// State of submodules that are registered twice. Freezing treats them as two,
/// and would miss that writes to one change the other.
std::vector<std::string> state_of_shared(const Module& root) {
  std::map<Instance*, std::vector<std::string>> all;
  add_paths(root._ivalue().get(), "", all);
  std::vector<std::string> names;
  for (const auto& [instance, paths] : all) {
    if (paths.size() < 2 || !writes(*instance)) {
      continue;
    }
    const auto weights = forward_weights(root);
    for (size_t i = 0; i < instance->type()->numAttributes(); ++i) {
      const auto& name = instance->type()->getAttributeName(i);
      if (instance->type()->getAttribute(i)->is_module() ||
          name == "training" || weights.count({instance, name}) != 0) {
        continue;
      }
      for (const auto& path : paths) {
        names.push_back(path + name);
      }
    }
  }
  return names;
}

void remove_methods(Module& module, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    module.type()->unsafeRemoveMethod(name);
  }
}

Module frozen(Module& original) {
  const auto entries = add_entries(original);
  auto preserved = settable(original);
  const auto shared = state_of_shared(original);
  preserved.insert(preserved.end(), shared.begin(), shared.end());
  preserved.insert(preserved.end(), entries.begin(), entries.end());
  auto result = torch::jit::freeze_module(original, preserved);
  remove_methods(original, entries);
  remove_methods(result, entries);
  return result;
}

void check_can_stay(const Module& module) {
  TORCH_CHECK_VALUE(
      !module.find_method("__getstate__"),
      "the model has a method `__getstate__`, which would not save packed "
      "weights; remove that method");
}

/// A copy of `original` with `changes`; of all its modules if possible, so that
/// unused weights of submodules are dropped too.
Module changed_copy(const Module& original, Changes changes) {
  try {
    return clone_with_changes(original, changes);
  } catch (const c10::ValueError&) {
    changes.shares_submodules = true;
    return clone_with_changes(original, changes);
  }
}

} // namespace

FrozenCopy frozen_copy(const Module& module) {
  TORCH_CHECK_VALUE(
      module.find_method("forward").has_value(),
      "the model has no method `forward`");
  check_can_stay(module);
  FrozenCopy copy;
  copy.original = reloaded(module);
  copy.original.eval();
  try {
    copy.frozen = frozen(copy.original);
    optimize_frozen(copy.frozen, copy.original);
    forget_call_stacks(*copy.frozen.get_method("forward").graph());
  } catch (const std::exception& error) {
    TORCH_CHECK_VALUE(false, "the model cannot be frozen: ", first_line(error));
  }
  return copy;
}

Module with_frozen_forward(
    const FrozenCopy& copy,
    const std::vector<WeightOpReplacement>& replacements) {
  Changes changes;
  changes.forward = copy.frozen.get_method("forward").graph()->copy();
  const auto remaining = remaining_beside(copy.original, *changes.forward);
  changes.keeps_attribute = [&](Instance* instance, const std::string& name) {
    return remaining.attributes.count({instance, name}) != 0;
  };
  changes.keeps_function = [&](Instance* instance, const std::string& name) {
    return remaining.functions.count({instance, name}) != 0;
  };
  auto result = changed_copy(copy.original, changes);
  replace_weight_ops(result, replacements);
  deduplicate_constants(result);
  return result;
}

} // namespace coppice::graph
