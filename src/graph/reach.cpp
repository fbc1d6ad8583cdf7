#include "graph/reach.h"

#include <unordered_set>

namespace coppice::graph {
namespace {

using torch::jit::Node;
using torch::jit::Value;

/// Whether a value of the type can be the instance.
bool fits(const Instance& instance, const c10::TypePtr& type) {
  // Any class may implement an interface: its methods are looked up by name.
  return !type->cast<c10::ClassType>() || *instance.type() == *type;
}

} // namespace

std::vector<PlacedInstance> instances_in(const torch::jit::Module& root) {
  std::vector<PlacedInstance> all{{root._ivalue().get(), {}}};
  std::unordered_set<Instance*> known{all.front().instance};
  for (size_t i = 0; i < all.size(); ++i) {
    const auto parent = all[i]; // The vector grows below.
    const auto type = parent.instance->type();
    for (size_t slot = 0; slot < type->numAttributes(); ++slot) {
      if (!type->getAttribute(slot)->is_module()) {
        continue;
      }
      auto* const child = parent.instance->getSlot(slot).toObject().get();
      if (known.insert(child).second) {
        all.push_back({child, parent.path});
        all.back().path.push_back(type->getAttributeName(slot));
      }
    }
  }
  return all;
}

std::vector<std::string> hooks_of(const Instance& instance) {
  std::vector<std::string> names;
  for (const auto* hook : instance.type()->getForwardPreHooks()) {
    names.push_back(hook->name());
  }
  for (const auto* hook : instance.type()->getForwardHooks()) {
    names.push_back(hook->name());
  }
  return names;
}

Reach::Reach(const torch::jit::Module& root) {
  for (const auto& each : instances_in(root)) {
    instances_.push_back(each.instance);
  }
}

void Reach::add(Instance* instance, const std::string& function) {
  const Member member{instance, function};
  auto* const found = find_method(*instance, function);
  if (found == nullptr || stops_.count(member) != 0 ||
      !functions_.insert(member).second) {
    return;
  }
  add(instance, *found->graph());
  if (function == "forward") {
    for (const auto& hook : hooks_of(*instance)) {
      add(instance, hook);
    }
  }
}

void Reach::add(Instance* instance, torch::jit::Graph& graph) {
  const MethodValues values(graph, instance);
  for (auto* node : values.nodes()) {
    follow(node, values);
  }
  for (auto* output : graph.outputs()) {
    add_whole(output, values);
  }
}

/// All possible instances of a value: one, or all that fit its type if it is
/// chosen at run time.
std::vector<Instance*> Reach::instances_of(
    Value* module,
    const MethodValues& values) const {
  if (auto* const known = values.module_of(module)) {
    return {known};
  }
  std::vector<Instance*> all;
  for (auto* instance : instances_) {
    if (fits(*instance, module->type())) {
      all.push_back(instance);
    }
  }
  return all;
}

/// A module that is passed on may be used in any way.
void Reach::add_whole(Value* module, const MethodValues& values) {
  if (!module->type()->is_module()) {
    return;
  }
  for (auto* instance : instances_of(module, values)) {
    for (const auto* method : instance->type()->methods()) {
      add(instance, method->name());
    }
    for (size_t i = 0; i < instance->type()->numAttributes(); ++i) {
      attributes_.insert({instance, instance->type()->getAttributeName(i)});
    }
  }
}

void Reach::follow(Node* node, const MethodValues& values) {
  if (const auto hook = called_hook(node, values)) {
    add(hook->module, hook->name);
    return;
  }
  const bool is_get = node->kind() == c10::prim::GetAttr;
  const bool is_set = node->kind() == c10::prim::SetAttr;
  const bool is_call = node->kind() == c10::prim::CallMethod;
  const bool takes_self =
      (is_get || is_set || is_call) && node->inputs()[0]->type()->is_module();
  if (takes_self) {
    for (auto* owner : instances_of(node->inputs()[0], values)) {
      const auto& name = node->s(c10::attr::name);
      if (is_call) {
        add(owner, name);
      } else if (owner->type()->findAttributeSlot(name)) {
        attributes_.insert({owner, name});
      }
    }
  }
  // A forked subgraph, with the modules passed to it.
  if (node->hasAttribute(c10::attr::Subgraph)) {
    return;
  }
  for (size_t i = takes_self ? 1 : 0; i < node->inputs().size(); ++i) {
    add_whole(node->inputs()[i], values);
  }
  for (auto* block : node->blocks()) {
    for (auto* output : block->outputs()) {
      add_whole(output, values);
    }
  }
}

} // namespace coppice::graph
