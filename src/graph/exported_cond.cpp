// Choices between two graphs.

#include <algorithm>

#include "graph/exported_ops.h"

namespace coppice::graph {

using torch::jit::Node;
using torch::jit::Value;

ExportedOps::Values ExportedOps::branch_outputs(
    Node& branches,
    const io::ExportedValue& branch,
    const Values& operands) {
  const auto exported = io::exported_graph(branch.value["graph"], where_);
  const torch::jit::WithInsertPoint at(branches.addBlock());
  auto values = values_; // What is unknown is unknown there, too.
  for (size_t i = 0; i < exported.inputs.size() && i < operands.size(); ++i) {
    values.set(exported.inputs[i].name(), operands[i]);
  }
  ExportedOps(graph_, exported, values, where_).add_all();
  Values outputs;
  for (const auto& output : exported.outputs) {
    outputs.push_back(values.value_of(output));
  }
  return outputs;
}

/// A choice between two graphs.
void ExportedOps::add_cond(const io::ExportedNode& node) {
  const auto op = op_name_of(node.target);
  std::vector<io::ExportedValue> graphs;
  Values operands;
  Value* condition = nullptr;
  for (const auto& input : node.inputs) {
    if (input.value.kind == "as_graph") {
      graphs.push_back(input.value);
    } else if (condition == nullptr) {
      condition = values_.value_of(input.value);
    } else if (input.value.value.kind() == io::JsonKind::Array) {
      operands = values_.items_of(input.value.value);
    } else {
      operands.push_back(values_.value_of(input.value));
    }
  }
  if (graphs.size() != 2 || condition == nullptr) {
    fail_at(op, "with other arguments than are known; save it again");
  }
  if (condition->type()->kind() != c10::TypeKind::BoolType) {
    condition = call("aten::Bool", {condition});
  }
  auto* branches =
      graph_.insertNode(graph_.create(c10::prim::If, {condition}, 0));
  size_t count = 0;
  for (const auto& branch : graphs) {
    const auto outputs = branch_outputs(*branches, branch, operands);
    for (auto* output : outputs) {
      branches->blocks().back()->registerOutput(output);
    }
    count = branches->blocks().size() == 1 ? outputs.size()
                                           : std::min(count, outputs.size());
  }
  for (auto* block : branches->blocks()) {
    if (block->outputs().size() != count) {
      fail_at(op, "whose branches differ in what they return; save it again");
    }
  }
  Values results;
  for (size_t i = 0; i < count; ++i) {
    results.push_back(branches->addOutput()->setType(
        branches->blocks()[0]->outputs()[i]->type()));
  }
  size_t next = 0;
  for (const auto& output : node.outputs) {
    if (output.value.kind() != io::JsonKind::Array) {
      if (next < results.size()) {
        values_.set(output.name(), results[next++]);
      }
      continue;
    }
    for (const auto& item : output.value.items()) {
      if (next < results.size()) {
        values_.set(io::ExportedValue{"", item}.name(), results[next++]);
      }
    }
  }
}

} // namespace coppice::graph
