#include "graph/layer_entries.h"

#include <torch/csrc/jit/api/function_impl.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <unordered_map>
#include <utility>

namespace coppice::graph {
namespace {

using torch::jit::Node;

/// A method of an instance.
using Called = std::pair<Instance*, std::string>;

/// "forward", or "forward1" for the second traced call of a module.
bool is_forward(const std::string& name) {
  const std::string forward = "forward";
  return name.compare(0, forward.size(), forward) == 0 &&
      std::all_of(name.begin() + forward.size(), name.end(), [](char c) {
           return std::isdigit(static_cast<unsigned char>(c)) != 0;
         });
}

/// The call graph of a module's methods.
class Calls {
 public:
  Calls(const torch::jit::Module& root, const std::vector<Layer>& layers);

  /// The layer's forwards that are called.
  std::vector<std::string> forwards_of(const Layer& layer) const;

  /// Whether every call found passes a parameter as this input: a trace passes
  /// attributes of other modules as extra inputs.
  bool takes_parameter(const Called& method, size_t input) const {
    return parameters_.count({method, input}) != 0;
  }

  /// The attribute of the layer that an op uses; empty if none does.
  std::string inlined_weight(Instance* layer) const {
    const auto found = inlined_.find(layer);
    return found == inlined_.end() ? "" : found->second;
  }

 private:
  void reach(Called method);
  void follow(const Called& method);
  void follow_call(Instance* self, Node* call, const MethodValues& values);
  void reach_any(const c10::TypePtr& type, const std::string& name);

  const std::vector<Layer>& layers_;
  std::vector<Called> pending_;
  std::set<Called> reached_;
  std::set<Called> called_by_others_;
  std::set<std::pair<Called, size_t>> parameters_;
  std::unordered_map<Instance*, std::string> inlined_;
};

Calls::Calls(const torch::jit::Module& root, const std::vector<Layer>& layers)
    : layers_(layers) {
  Instance* const instance = root._ivalue().get();
  for (const auto* method : root.type()->methods()) {
    reach({instance, method->name()});
    called_by_others_.insert({instance, method->name()});
  }
  while (!pending_.empty()) {
    const Called next = std::move(pending_.back());
    pending_.pop_back();
    follow(next);
  }
}

void Calls::reach(Called method) {
  if (find_method(*method.first, method.second) != nullptr &&
      reached_.insert(method).second) {
    pending_.push_back(std::move(method));
  }
}

void Calls::follow(const Called& method) {
  const auto graph = find_method(*method.first, method.second)->graph();
  const MethodValues values(*graph, method.first);
  for (Node* node : values.nodes()) {
    if (node->kind() == c10::prim::CallMethod) {
      follow_call(method.first, node, values);
    } else if (const auto hook = called_hook(node, values)) {
      reach({hook->module, hook->name});
    } else if (const auto op = weighted_op(node, values)) {
      // The first in the graph: recurrent cells use their input before their
      // state.
      inlined_.emplace(op->weight->owner, op->weight->name);
    }
  }
}

void Calls::follow_call(
    Instance* self,
    Node* call,
    const MethodValues& values) {
  const auto& name = call->s(c10::attr::name);
  Instance* const callee = values.module_of(call->inputs()[0]);
  if (callee == nullptr) {
    reach_any(call->inputs()[0]->type(), name);
    return;
  }
  const Called method(callee, name);
  if (callee != self) {
    called_by_others_.insert(method);
  }
  for (size_t i = 1; i < call->inputs().size(); ++i) {
    if (values.attribute_of(call->inputs()[i]) != nullptr) {
      parameters_.insert({method, i});
    }
  }
  reach(method);
}

/// A call of a module that is chosen at run time: it may be any with this
/// method.
void Calls::reach_any(const c10::TypePtr& type, const std::string& name) {
  if (type->cast<c10::ClassType>() && !type->is_module()) {
    return;
  }
  for (const Layer& layer : layers_) {
    const Called method(layer.instance(), name);
    called_by_others_.insert(method);
    reach(method);
  }
}

std::vector<std::string> Calls::forwards_of(const Layer& layer) const {
  std::vector<std::string> names;
  for (const auto* method : layer.instance()->type()->methods()) {
    const Called called(layer.instance(), method->name());
    // A `forward2` that only the module's own forward calls is internal.
    if (is_forward(method->name()) && reached_.count(called) != 0 &&
        (method->name() == "forward" || called_by_others_.count(called) != 0)) {
      names.push_back(method->name());
    }
  }
  return names;
}

void find_entry(Layer& layer, const Calls& calls, bool is_root) {
  if (layer.instance()->type()->findMethod("__getstate__") != nullptr) {
    layer.why_none = "its `__getstate__` would not save a site";
    return;
  }
  const auto names = calls.forwards_of(layer);
  for (const auto& name : names) {
    const auto graph = find_method(*layer.instance(), name)->graph();
    for (size_t i = 1; i < graph->inputs().size(); ++i) {
      if (calls.takes_parameter({layer.instance(), name}, i)) {
        continue;
      }
      if (graph->inputs()[i]->type()->kind() == c10::TypeKind::TensorType) {
        layer.forwards[name] = i;
      }
      if (!is_root || layer.forwards.count(name) != 0) {
        break;
      }
    }
  }
  if (!layer.forwards.empty()) {
    return;
  }
  if (!names.empty()) {
    layer.why_none = "the first input of its forward is not a tensor";
    return;
  }
  layer.inlined_weight = calls.inlined_weight(layer.instance());
  if (layer.inlined_weight.empty()) {
    layer.why_none = find_method(*layer.instance(), "forward") != nullptr
        ? "its forward is never called"
        : "it has no forward, and no op of the graph uses its weight";
  }
}

} // namespace

std::vector<Layer> layers_of(const torch::jit::Module& module) {
  std::vector<Layer> layers;
  std::unordered_map<Instance*, size_t> known;
  for (const auto& named : module.named_modules()) {
    Instance* const instance = named.value._ivalue().get();
    const auto [found, is_new] = known.emplace(instance, layers.size());
    if (is_new) {
      layers.push_back({{}, named.value, {}, "", ""});
    }
    layers[found->second].fqns.push_back(named.name);
  }
  const Calls calls(module, layers);
  for (Layer& layer : layers) {
    find_entry(layer, calls, layer.instance() == module._ivalue().get());
  }
  return layers;
}

} // namespace coppice::graph
