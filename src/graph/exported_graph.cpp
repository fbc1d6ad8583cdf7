#include "graph/exported_graph.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "graph/exported_op_name.h"
#include "graph/exported_values.h"

namespace coppice::graph {
namespace {

using torch::jit::Graph;
using torch::jit::Node;
using torch::jit::Value;

bool begins(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

/// Makes the graph of one scope of names.
class GraphMaker {
 public:
  explicit GraphMaker(const std::string& where)
      : where_(where),
        graph_(std::make_shared<Graph>()),
        values_(*graph_, [this](std::string_view) { return values_.none(); }) {}

  std::shared_ptr<Graph> make(const io::ExportedGraph& exported) {
    for (const auto& input : exported.inputs) {
      auto* value = graph_->addInput();
      values_.set(input.name(), value);
    }
    for (const auto& node : exported.nodes) {
      add_node(node);
    }
    for (const auto& output : exported.outputs) {
      graph_->registerOutput(values_.value_of(output));
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

  const std::string& where_;
  std::shared_ptr<Graph> graph_;
  ExportedValues values_;
};

std::vector<Value*> GraphMaker::in_order_of_schema(
    const io::ExportedNode& node,
    const OpName& op) {
  std::vector<Value*> given;
  for (const auto& input : node.inputs) {
    given.push_back(values_.value_of(input.value));
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
    value = value == nullptr ? values_.none() : value;
  }
  return ordered;
}

void GraphMaker::name_output(const io::ExportedValue& output, Value* value) {
  if (const auto name = output.name(); !name.empty()) {
    values_.set(name, value);
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
    values_.set(io::ExportedValue{"", items[i]}.name(), unpack->outputs()[i]);
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

/// A call of each graph among the arguments of `cond`, `while_loop`, `map` and
/// the like, whose operands stand last.
void GraphMaker::add_calls(const io::ExportedNode& node) {
  std::vector<Value*> operands;
  for (const auto& input : node.inputs) {
    if (input.value.kind == "as_graph") {
      continue;
    }
    if (input.value.value.kind() == io::JsonKind::Array) {
      for (auto* item : values_.items_of(input.value.value)) {
        operands.push_back(item);
      }
    } else {
      operands.push_back(values_.value_of(input.value));
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
      values_.set(name, first->outputs()[at]);
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

std::shared_ptr<torch::jit::Graph> exported_graph_to_follow(
    const io::ExportedGraph& graph,
    const std::string& where) {
  return GraphMaker(where).make(graph);
}

} // namespace coppice::graph
