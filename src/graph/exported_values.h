#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/exported_program.h"

namespace coppice::graph {

/// The values of an exported graph by their names, and constants for what its
/// arguments say outright. What is made stands at the graph's insert point.
class ExportedValues {
 public:
  /// `unknown` gives the value of a name that is not there.
  ExportedValues(
      torch::jit::Graph& graph,
      std::function<torch::jit::Value*(std::string_view name)> unknown)
      : graph_(&graph), unknown_(std::move(unknown)) {}

  void set(std::string_view name, torch::jit::Value* value) {
    if (!name.empty()) {
      values_[name] = value;
    }
  }
  torch::jit::Value* named(std::string_view name) const;

  /// The value of an argument; None for kinds that have no value here.
  torch::jit::Value* value_of(const io::ExportedValue& value);
  /// The items of a list.
  std::vector<torch::jit::Value*> items_of(io::JsonNode list);
  torch::jit::Value* none();

 private:
  torch::jit::Value* constant(const c10::IValue& value);
  torch::jit::Value* scalar_of(io::JsonNode value);
  torch::jit::Value* item_of(io::JsonNode item);
  torch::jit::Value* list_of(io::JsonNode list, const c10::TypePtr& type);
  /// Dtypes, layouts, memory formats and devices, which are numbers and texts
  /// of the schema's own.
  torch::jit::Value* enumerator_of(const io::ExportedValue& value);

  torch::jit::Graph* graph_;
  std::function<torch::jit::Value*(std::string_view)> unknown_;
  std::unordered_map<std::string_view, torch::jit::Value*> values_;
};

} // namespace coppice::graph
