#include "graph/weight_ops.h"

#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/passes/frozen_graph_optimizations.h>

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <set>

#include "graph/call_stacks.h"
#include "graph/constant_values.h"
#include "graph/conv1d_as_conv2d.h"
#include "graph/explicit_padding.h"
#include "graph/fold_masks.h"
#include "graph/found_weight_op.h"
#include "graph/frozen_copy.h"
#include "graph/frozen_graph.h"
#include "graph/graph_nodes.h"
#include "graph/left_layers.h"

namespace coppice {
namespace {

using torch::jit::Graph;
using torch::jit::Module;
using torch::jit::Node;
using torch::jit::Value;

std::shared_ptr<Graph> graph_of(const Module& module) {
  return module.get_method("forward").graph();
}

/// "encoder.fc1" -> "packed_encoder_fc1", the name of an attribute.
std::string attribute_name(const char* prefix, const std::string& layer) {
  std::string name = std::string(prefix) + layer;
  std::replace_if(
      name.begin(),
      name.end(),
      [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); },
      '_');
  return name;
}

/// Registers `object` under `name`, or a similar free name, and returns its
/// value, which is read at the start of the graph.
Value* attribute_value(
    Module& module,
    Graph& graph,
    std::string name,
    const c10::IValue& object) {
  for (const std::string base = name; module.hasattr(name); name += "_") {
  }
  module.register_attribute(name, object.type(), object);
  auto* const node = graph.createGetAttr(graph.inputs()[0], name);
  graph.prependNode(node);
  return node->output();
}

Value* call(
    Graph& graph,
    Node* before,
    const std::string& op,
    const std::vector<Value*>& inputs) {
  auto* const node = graph.create(c10::Symbol::fromQualString(op), inputs);
  node->insertBefore(before);
  node->output()->setType(c10::TensorType::get());
  return node->output();
}

Value* constant(Graph& graph, Node* before, const c10::IValue& value) {
  const torch::jit::WithInsertPoint here(before);
  return graph.insertConstant(value);
}

void replace(
    Module& module,
    Graph& graph,
    const graph::FoundWeightOp& found,
    const WeightOpReplacement& with) {
  const auto& op = found.op;
  auto* const at = found.first;
  std::vector<Value*> inputs{
      found.input_value(),
      attribute_value(
          module, graph, attribute_name("packed_", op.layer_fqn), with.weight),
      constant(
          graph, at, op.bias.defined() ? c10::IValue(op.bias) : c10::IValue())};
  if (op.kind == WeightOp::Kind::kConv2d) {
    for (const auto& numbers : {op.stride, op.padding, op.dilation}) {
      inputs.push_back(constant(graph, at, numbers));
    }
  }
  auto* const result = call(graph, at, with.op, inputs);
  found.last->output()->replaceAllUsesWith(result);
}

/// The parameter whose transpose a matrix is; empty if there is none.
std::string transposed_parameter(
    const torch::Tensor& matrix,
    const Module& module) {
  for (const auto& parameter : module.named_parameters()) {
    const auto& value = parameter.value;
    if (value.dim() == 2 && value.size(0) == matrix.size(1) &&
        value.size(1) == matrix.size(0) &&
        value.scalar_type() == matrix.scalar_type() &&
        value.t().equal(matrix)) {
      return parameter.name;
    }
  }
  return "";
}

/// Names transposed weights after their parameters, as computed constants have
/// no names.
void name_constants(std::shared_ptr<Graph>& graph, const Module& module) {
  const std::string self = "self.";
  for (Node* node : graph::nodes_in(*graph)) {
    if (node->kind() != torch::jit::prim::Constant) {
      continue;
    }
    auto* const output = node->output();
    const auto value = torch::jit::toIValue(output);
    if (!value || !value->isTensor() || value->toTensor().dim() != 2 ||
        (output->hasDebugName() && output->debugName().rfind(self, 0) == 0)) {
      continue;
    }
    const auto name = transposed_parameter(value->toTensor(), module);
    if (!name.empty()) {
      output->setDebugName(self + name);
    }
  }
}

bool is_constant_weight(const Value* value) {
  const auto tensor = graph::constant_tensor(value);
  return tensor.defined() && tensor.dim() >= 2;
}

/// An object such as those of quantized or prepacked weights.
bool is_held_weight(const Value* value) {
  return value->type()->kind() == c10::TypeKind::ClassType &&
      value->type()->expectRef<c10::ClassType>().is_module() == false;
}

} // namespace

torch::Tensor WeightOp::dense(const torch::Tensor& input) const {
  const auto result = kind == Kind::kLinear
      ? at::linear(input, weight, bias)
      : at::conv2d(input, weight, bias, stride, padding, dilation, groups);
  return has_relu ? result.relu() : result;
}

Module frozen_module(const Module& module) {
  return graph::frozen_copy(module).frozen;
}

std::vector<WeightOp> weight_ops(const Module& frozen) {
  std::vector<WeightOp> ops;
  for (auto& found : graph::find_weight_ops(*graph_of(frozen))) {
    ops.push_back(std::move(found.op));
  }
  return ops;
}

std::vector<std::string> other_weight_ops(const Module& frozen) {
  auto graph = graph_of(frozen);
  std::set<const Node*> found;
  for (const auto& each : graph::find_weight_ops(*graph)) {
    found.insert(each.first);
  }
  std::set<std::string> held;
  std::set<std::string> constant;
  for (Node* node : graph::nodes_in(*graph)) {
    if (node->kind().is_prim()) {
      continue; // Only moves values.
    }
    const auto inputs = node->inputs();
    if (std::any_of(inputs.begin(), inputs.end(), is_held_weight)) {
      held.insert(node->kind().toQualString());
    } else if (
        found.count(node) == 0 &&
        std::any_of(inputs.begin(), inputs.end(), is_constant_weight)) {
      constant.insert(node->kind().toQualString());
    }
  }
  const auto& kinds = held.empty() ? constant : held;
  return {kinds.begin(), kinds.end()};
}

std::vector<LeftLayer> left_layers(const Module& frozen) {
  return graph::find_left_layers(frozen);
}

Module with_observed_weight_ops(
    const Module& frozen,
    std::vector<c10::intrusive_ptr<ActivationSite>>& sites) {
  auto observed = frozen.clone();
  graph::observe_weight_ops(observed, sites);
  return observed;
}

Module with_replaced_weight_ops(
    const Module& frozen,
    const std::vector<WeightOpReplacement>& replacements) {
  auto replaced = frozen.clone();
  graph::replace_weight_ops(replaced, replacements);
  return replaced;
}

namespace graph {

void optimize_frozen(Module& frozen, const Module& original) {
  auto graph = graph_of(frozen);
  explicit_padding(graph);
  torch::jit::OptimizeFrozenGraph(graph);
  torch::jit::ConstantPropagation(graph);
  conv1d_as_conv2d(graph);
  name_constants(graph, original);
  fold_masks(graph);
}

void observe_weight_ops(
    Module& frozen,
    std::vector<c10::intrusive_ptr<ActivationSite>>& sites) {
  auto graph = graph_of(frozen);
  sites.clear();
  for (const auto& found : find_weight_ops(*graph)) {
    const auto& layer = found.op.layer_fqn;
    sites.push_back(c10::make_intrusive<ActivationSite>(layer));
    auto* const site = attribute_value(
        frozen, *graph, attribute_name("site_", layer), sites.back());
    auto* const passed = call(
        *graph,
        found.first,
        "coppice::activation_site",
        {found.input_value(), site});
    found.first->replaceInput(found.input, passed);
  }
}

void replace_weight_ops(
    Module& frozen,
    const std::vector<WeightOpReplacement>& replacements) {
  auto graph = graph_of(frozen);
  const auto found = find_weight_ops(*graph);
  for (const auto& each : replacements) {
    TORCH_CHECK_VALUE(
        each.index < found.size(),
        "with_replaced_weight_ops: there is no op ",
        each.index);
    replace(frozen, *graph, found[each.index], each);
  }
  torch::jit::EliminateDeadCode(graph);
}

} // namespace graph

} // namespace coppice
