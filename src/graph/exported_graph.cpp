#include "graph/exported_graph.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

bool begins(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

/// The op's schema in this LibTorch, or null.
const c10::FunctionSchema* schema_of(const OpName& op) {
  const auto found =
      c10::Dispatcher::singleton().findSchema({op.name, op.overload});
  return found ? &found->schema() : nullptr;
}

/// Builds the graph of one scope of names.
class GraphMaker {
 public:
  explicit GraphMaker(const std::string& where)
      : where_(where), graph_(std::make_shared<Graph>()) {}

  std::shared_ptr<Graph> make(const io::ExportedGraph& exported) {
    for (const auto& input : exported.inputs) {
      auto* value = graph_->addInput();
      if (!input.name().empty()) {
        values_[input.name()] = value;
      }
    }
    for (const auto& node : exported.nodes) {
      add_node(node);
    }
    for (const auto& output : exported.outputs) {
      graph_->registerOutput(value_of(output));
    }
    return graph_;
  }

 private:
  void add_node(const io::ExportedNode& node);
  void add_calls(const io::ExportedNode& node);
  std::vector<Value*> in_order_of_schema(
      const io::ExportedNode& node,
      const OpName& op);
  void name_output(const io::ExportedValue& output, Value* value);

  Value* named(std::string_view name) {
    const auto found = values_.find(name);
    return found == values_.end() ? none() : found->second;
  }
  Value* none() {
    return graph_->insertConstant(c10::IValue());
  }
  Value* list_of(const std::vector<Value*>& items, const c10::TypePtr& type) {
    auto* list =
        graph_->insertNode(graph_->create(c10::prim::ListConstruct, items, 1));
    list->output()->setType(c10::ListType::create(type));
    return list->output();
  }

  Value* value_of(const io::ExportedValue& value);
  Value* scalar_of(io::JsonNode value);
  std::vector<Value*> items_of(io::JsonNode list);
  Value* item_of(io::JsonNode item);

  const std::string& where_;
  std::shared_ptr<Graph> graph_;
  std::unordered_map<std::string_view, Value*> values_;
};

/// A number, bool or string.
Value* GraphMaker::scalar_of(io::JsonNode value) {
  if (const auto truth = value.truth()) {
    return graph_->insertConstant(*truth);
  }
  if (const auto whole = value.integer()) {
    return graph_->insertConstant(*whole);
  }
  if (value.kind() == io::JsonKind::Real) {
    return graph_->insertConstant(value.real().value());
  }
  if (const auto text = value.text()) {
    return graph_->insertConstant(std::string(*text));
  }
  return none();
}

/// An item of a list: a scalar, {"name": "x"}, or a union of such.
Value* GraphMaker::item_of(io::JsonNode item) {
  if (item.kind() != io::JsonKind::Object) {
    return scalar_of(item);
  }
  const auto name = io::ExportedValue{"", item}.name();
  if (!name.empty()) {
    return named(name);
  }
  const auto members = item.items();
  return members.empty() ? none() : value_of({members[0].key(), members[0]});
}

std::vector<Value*> GraphMaker::items_of(io::JsonNode list) {
  std::vector<Value*> items;
  for (const auto& item : list.items()) {
    items.push_back(item_of(item));
  }
  return items;
}

Value* GraphMaker::value_of(const io::ExportedValue& value) {
  if (const auto name = value.name(); !name.empty()) {
    return named(name);
  }
  const auto kind = value.kind;
  if (kind == "as_tensors" || kind == "as_optional_tensors") {
    const c10::TypePtr tensor = c10::TensorType::get();
    return list_of(
        items_of(value.value),
        kind == "as_tensors" ? tensor : c10::OptionalType::create(tensor));
  }
  if (kind == "as_ints" || kind == "as_sym_ints") {
    return list_of(items_of(value.value), c10::IntType::get());
  }
  if (kind == "as_floats" || kind == "as_sym_floats") {
    return list_of(items_of(value.value), c10::FloatType::get());
  }
  if (kind == "as_bools" || kind == "as_sym_bools") {
    return list_of(items_of(value.value), c10::BoolType::get());
  }
  if (kind == "as_int" || kind == "as_bool" || kind == "as_float" ||
      kind == "as_string") {
    return scalar_of(value.value);
  }
  if (kind == "as_sym_int" || kind == "as_sym_bool" || kind == "as_sym_float" ||
      kind == "as_optional_tensor") {
    return item_of(value.value);
  }
  return none();
}

std::vector<Value*> GraphMaker::in_order_of_schema(
    const io::ExportedNode& node,
    const OpName& op) {
  std::vector<Value*> given;
  for (const auto& input : node.inputs) {
    given.push_back(value_of(input.value));
  }
  const auto* schema = schema_of(op);
  if (schema == nullptr) {
    return given;
  }
  std::vector<Value*> ordered(schema->arguments().size(), nullptr);
  for (size_t i = 0; i < given.size(); ++i) {
    const auto at =
        schema->argumentIndexWithName(std::string(node.inputs[i].name));
    if (!at) { // Another version of the op.
      return given;
    }
    ordered[static_cast<size_t>(*at)] = given[i];
  }
  for (auto& value : ordered) {
    value = value == nullptr ? none() : value;
  }
  return ordered;
}

void GraphMaker::name_output(const io::ExportedValue& output, Value* value) {
  if (const auto name = output.name(); !name.empty()) {
    values_[name] = value;
    if (output.kind != "as_tensor" && begins(output.kind, "as_sym_")) {
      value->setType(c10::IntType::get());
    }
    return;
  }
  const auto items = output.value.items();
  if (output.value.kind() != io::JsonKind::Array || items.empty()) {
    return;
  }
  value->setType(c10::ListType::ofTensors());
  auto* unpack =
      graph_->insertNode(graph_->createListUnpack(value, items.size()));
  for (size_t i = 0; i < items.size(); ++i) {
    const auto name = io::ExportedValue{"", items[i]}.name();
    if (!name.empty()) {
      values_[name] = unpack->outputs()[i];
    }
  }
}

void GraphMaker::add_node(const io::ExportedNode& node) {
  for (const auto& input : node.inputs) {
    if (input.value.kind == "as_graph") {
      add_calls(node);
      return;
    }
  }
  const auto op = op_name_of(node.target);
  auto* made = graph_->insertNode(graph_->create(
      c10::Symbol::fromQualString(op.name),
      in_order_of_schema(node, op),
      node.outputs.size()));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    name_output(node.outputs[i], made->outputs()[i]);
  }
}

/// Adds a call of each graph among the arguments of `cond`, `while_loop`, `map`
/// and similar ops, whose operands are last.
void GraphMaker::add_calls(const io::ExportedNode& node) {
  std::vector<Value*> operands;
  for (const auto& input : node.inputs) {
    if (input.value.kind == "as_graph") {
      continue;
    }
    if (input.value.value.kind() == io::JsonKind::Array) {
      for (auto* item : items_of(input.value.value)) {
        operands.push_back(item);
      }
    } else {
      operands.push_back(value_of(input.value));
    }
  }
  Node* first = nullptr;
  for (const auto& input : node.inputs) {
    if (input.value.kind != "as_graph") {
      continue;
    }
    const auto exported =
        io::exported_graph(input.value.value["graph"], where_);
    const auto taken = std::min(operands.size(), exported.inputs.size());
    auto* call = graph_->insertNode(graph_->create(
        c10::Symbol::fromQualString("prim::ExportedCall"),
        at::ArrayRef<Value*>(operands).slice(operands.size() - taken),
        exported.outputs.size()));
    call->g_(c10::attr::Subgraph, GraphMaker(where_).make(exported));
    first = first == nullptr ? call : first;
  }
  size_t at = 0;
  const auto next = [&](std::string_view name) {
    if (!name.empty() && at < first->outputs().size()) {
      values_[name] = first->outputs()[at];
    }
    ++at;
  };
  for (const auto& output : node.outputs) {
    if (output.value.kind() != io::JsonKind::Array) {
      next(output.name());
      continue;
    }
    for (const auto& item : output.value.items()) {
      next(io::ExportedValue{"", item}.name());
    }
  }
}

} // namespace

OpName op_name_of(std::string_view target) {
  constexpr std::string_view kOps = "torch.ops.";
  if (!begins(target, kOps)) { // Python ops: `_operator.mul`, `math.floor`.
    return {"python::" + std::string(target), ""};
  }
  target.remove_prefix(kOps.size());
  const auto room = target.find('.');
  if (room == std::string_view::npos) {
    return {"python::" + std::string(target), ""};
  }
  const auto op = target.substr(room + 1);
  const auto overload = op.find('.');
  OpName name;
  name.name = std::string(target.substr(0, room)) +
      "::" + std::string(op.substr(0, overload));
  if (overload != std::string_view::npos &&
      op.substr(overload + 1) != "default") {
    name.overload = op.substr(overload + 1);
  }
  return name;
}

std::shared_ptr<torch::jit::Graph> exported_graph_to_follow(
    const io::ExportedGraph& graph,
    const std::string& where) {
  return GraphMaker(where).make(graph);
}

} // namespace coppice::graph
