#include "graph/deduplicate_constants.h"

#include <torch/csrc/jit/passes/dead_code_elimination.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "graph/constant_values.h"
#include "graph/graph_nodes.h"
#include "graph/reach.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

/// Equal for a constant and an attribute that are the same.
using Identity = std::tuple<
    const void*,
    torch::ScalarType,
    std::vector<int64_t>,
    std::vector<int64_t>>;

using Path = std::vector<std::string>;

bool has_memory(const c10::IValue& value) {
  return value.isTensor() && value.toTensor().defined() &&
      value.toTensor().has_storage() && value.toTensor().numel() > 0;
}

std::optional<Identity> identity_of(const c10::IValue& value) {
  if (has_memory(value)) {
    const auto& tensor = value.toTensor();
    return Identity{
        tensor.data_ptr(),
        tensor.scalar_type(),
        tensor.sizes().vec(),
        tensor.strides().vec()};
  }
  if (value.isObject()) {
    return Identity{value.toObject().get(), torch::kByte, {}, {}};
  }
  return std::nullopt;
}

/// The attributes of a model, with their paths and memory.
struct Attributes {
  std::map<Identity, Path> places;
  std::set<const void*> memory;

  explicit Attributes(const Module& module) {
    for (const auto& each : instances_in(module)) {
      const auto type = each.instance->type();
      for (size_t slot = 0; slot < type->numAttributes(); ++slot) {
        if (!type->getAttribute(slot)->is_module()) {
          auto path = each.path;
          path.push_back(type->getAttributeName(slot));
          add(each.instance->getSlot(slot), std::move(path));
        }
      }
    }
  }

  void add(const c10::IValue& value, Path path) {
    if (has_memory(value)) {
      memory.insert(value.toTensor().storage().data());
    }
    if (const auto id = identity_of(value)) {
      places.emplace(*id, std::move(path));
    }
  }

  /// Whether a tensor, or one of a list, overlaps an attribute's memory.
  bool share_memory(const c10::IValue& value) const {
    if (value.isTensorList()) {
      const auto all = value.toTensorVector();
      return std::any_of(all.begin(), all.end(), [&](const auto& each) {
        return share_memory(each);
      });
    }
    return has_memory(value) &&
        memory.count(value.toTensor().storage().data()) != 0;
  }
};

Value* read_along(Graph& graph, const Path& path) {
  auto* value = graph.inputs()[0];
  for (const auto& name : path) {
    value = graph.insertNode(graph.createGetAttr(value, name))->output();
  }
  return value;
}

/// An attribute of the root that holds the constant.
Path registered(Module& module, const c10::IValue& value) {
  std::string name = "forward_constant";
  for (int i = 1; module.hasattr(name); ++i) {
    name = "forward_constant_" + std::to_string(i);
  }
  module.register_attribute(name, value.type(), value);
  return {name};
}

} // namespace

void deduplicate_constants(Module& module) {
  auto graph = module.get_method("forward").graph();
  const Attributes attributes(module);
  for (auto* const node : nodes_in(*graph)) {
    const auto value = node->kind() == c10::prim::Constant
        ? constant_value(node->output())
        : std::nullopt;
    const auto id = value ? identity_of(*value) : std::nullopt;
    const auto place =
        id ? attributes.places.find(*id) : attributes.places.end();
    const bool is_attribute = place != attributes.places.end();
    if (!value || !(is_attribute || attributes.share_memory(*value))) {
      continue;
    }
    const torch::jit::WithInsertPoint start(*graph->block()->nodes().begin());
    node->output()->replaceAllUsesWith(read_along(
        *graph, is_attribute ? place->second : registered(module, *value)));
  }
  torch::jit::EliminateDeadCode(graph);
}

} // namespace coppice::graph
