#include "graph/clone_with_changes.h"

#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/api/function_impl.h>
#include <torch/custom_class.h>

#include <memory>
#include <utility>
#include <vector>

#include "graph/call_stacks.h"

namespace coppice::graph {
namespace {

using torch::jit::Block;
using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::Value;

class Cloner {
 public:
  explicit Cloner(const Changes& changes) : changes_(changes) {}

  Module clone(const Module& root) {
    root_ = root._ivalue().get();
    const Module copy = copy_attributes(root);
    // Hooks first, and submodules' hooks before their parents', because methods
    // refer to them.
    for (auto each = originals_.rbegin(); each != originals_.rend(); ++each) {
      copy_hooks(each->first, each->second);
    }
    for (const auto& [original, made] : originals_) {
      for (auto* method : original.type()->methods()) {
        if (keeps_function(original, *method)) {
          made.type()->addMethod(copy_method(original, made, *method));
        }
      }
    }
    return copy;
  }

 private:
  bool keeps_function(
      const Module& original,
      const torch::jit::Function& function) const {
    return !changes_.keeps_function ||
        changes_.keeps_function(original._ivalue().get(), function.name());
  }
  std::shared_ptr<Graph> graph_of(
      const Module& original,
      const torch::jit::Function& method,
      torch::jit::GraphFunction& function) const;
  Module copy_attributes(const Module& original);
  void copy_attribute(const Module& original, Module& copy, size_t slot);
  void copy_hooks(const Module& original, const Module& copy);
  torch::jit::Function* copy_method(
      const Module& original,
      const Module& copy,
      torch::jit::Function& method);
  void set_types(Graph& graph, const MethodValues& values, const std::string&);
  void set_hooks(const MethodValues& values);

  const Changes& changes_;
  Instance* root_ = nullptr;
  std::vector<std::pair<Module, Module>> originals_; ///< And their copies.
  std::unordered_map<Instance*, Module> copies_;
};

Module Cloner::copy_attributes(const Module& original) {
  Instance* const instance = original._ivalue().get();
  const auto known = copies_.find(instance);
  if (known != copies_.end()) {
    return known->second;
  }
  Module copy(*original.type()->name(), instance->compilation_unit(), true);
  copies_.emplace(instance, copy);
  originals_.emplace_back(original, copy);
  for (size_t slot = 0; slot < original.type()->numAttributes(); ++slot) {
    if (!changes_.keeps_attribute ||
        changes_.keeps_attribute(
            instance, original.type()->getAttributeName(slot))) {
      copy_attribute(original, copy, slot);
    }
  }
  const auto site = changes_.sites.find(instance);
  if (site != changes_.sites.end()) {
    const c10::IValue value(site->second);
    copy.register_attribute(kSiteAttribute, value.type(), value);
  }
  for (const auto& name : original.type()->constantNames()) {
    copy.type()->addConstant(name, original.type()->getConstant(name));
  }
  return copy;
}

void Cloner::copy_attribute(const Module& original, Module& copy, size_t slot) {
  const auto& type = original.type()->getAttribute(slot);
  const auto& name = original.type()->getAttributeName(slot);
  const c10::IValue value = original._ivalue()->getSlot(slot);
  if (type->is_module() && !changes_.shares_submodules) {
    const Module submodule = copy_attributes(Module(value.toObject()));
    // Interface types do not change.
    copy.type()->addAttribute(
        name, type->cast<c10::ClassType>() ? submodule.type() : type);
    copy._ivalue()->setAttr(name, submodule._ivalue());
  } else if (name != kSiteAttribute || changes_.keeps_attribute) {
    copy.register_attribute(
        name,
        type,
        value,
        original.type()->is_parameter(slot),
        original.type()->is_buffer(slot));
  }
}

void Cloner::copy_hooks(const Module& original, const Module& copy) {
  for (auto* hook : original.type()->getForwardPreHooks()) {
    if (keeps_function(original, *hook)) {
      copy.type()->addForwardPreHook(copy_method(original, copy, *hook));
    }
  }
  for (auto* hook : original.type()->getForwardHooks()) {
    if (keeps_function(original, *hook)) {
      copy.type()->addForwardHook(copy_method(original, copy, *hook));
    }
  }
}

std::shared_ptr<Graph> Cloner::graph_of(
    const Module& original,
    const torch::jit::Function& method,
    torch::jit::GraphFunction& function) const {
  const bool is_replaced = changes_.forward &&
      original._ivalue().get() == root_ && method.name() == "forward";
  return (is_replaced ? changes_.forward : function.graph())->copy();
}

torch::jit::Function* Cloner::copy_method(
    const Module& original,
    const Module& copy,
    torch::jit::Function& method) {
  auto* const function = torch::jit::tryToGraphFunction(method);
  TORCH_CHECK_VALUE(
      function != nullptr,
      "method `",
      method.name(),
      "` of a `",
      original.type()->name()->name(),
      "` has no graph to rewrite");
  const auto graph = graph_of(original, method, *function);
  forget_call_stacks(*graph); // They may dangle in a frozen module.
  Instance* const instance = original._ivalue().get();
  const MethodValues values(*graph, instance);
  set_hooks(values);
  set_types(*graph, values, method.name());
  if (changes_.rewrite) {
    changes_.rewrite(instance, method.name(), *graph, values);
  }
  auto* const copied = copy._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*copy.type()->name(), method.name()),
      graph,
      /*shouldMangle=*/true); // A hook may be registered twice.
  auto arguments = method.getSchema().arguments();
  arguments.at(0) = arguments.at(0).cloneWithType(copy.type());
  copied->setSchema(
      method.getSchema().cloneWithArguments(std::move(arguments)));
  return copied;
}

void check_no_module(Value* value, const std::string& method) {
  // A class that is unknown before a run is also unknown in the copy.
  TORCH_CHECK_VALUE(
      !(value->type()->is_module() && value->type()->cast<c10::ClassType>()),
      "method `",
      method,
      "` chooses between submodules at run time (`%",
      value->debugName(),
      "`), so that its graph cannot be rewritten; call each submodule where "
      "it is chosen");
}

/// Sets the types of module values to the classes of the copies.
void Cloner::set_types(
    Graph& graph,
    const MethodValues& values,
    const std::string& method) {
  for (const auto& [value, instance] : values.modules()) {
    const auto copy = copies_.find(instance);
    if (copy != copies_.end() && value->type()->cast<c10::ClassType>()) {
      value->setType(copy->second.type());
    }
  }
  if (changes_.shares_submodules) {
    return; // Types of run-time choices do not change.
  }
  const auto check = [&](Value* value) {
    if (values.module_of(value) == nullptr) {
      check_no_module(value, method);
    }
  };
  for (Value* input : graph.inputs()) {
    check(input);
  }
  for (auto* node : values.nodes()) {
    for (Value* output : node->outputs()) {
      check(output);
    }
  }
}

/// Redirects calls of a module's hooks to those of its copy.
void Cloner::set_hooks(const MethodValues& values) {
  for (auto* node : values.nodes()) {
    const auto hook = called_hook(node, values);
    if (hook && copies_.count(hook->module) != 0) {
      auto* const copied =
          copies_.at(hook->module).type()->findHook(hook->name);
      auto& graph = *node->owningGraph();
      const torch::jit::WithInsertPoint here(node);
      auto* const function =
          graph.insertNode(graph.create(c10::prim::Constant));
      function->s_(c10::attr::name, hook->name);
      function->output()->setType(c10::FunctionType::create(copied));
      node->replaceInput(0, function->output());
    }
  }
}

} // namespace

Module clone_with_changes(const Module& module, const Changes& changes) {
  return Cloner(changes).clone(module);
}

} // namespace coppice::graph
