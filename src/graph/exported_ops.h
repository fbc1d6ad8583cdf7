#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <vector>

#include "graph/exported_op_name.h"
#include "graph/exported_values.h"
#include "io/exported_program.h"

namespace coppice::graph {

/// Adds the nodes of an exported graph to one of TorchScript that runs, at its
/// insert point.
class ExportedOps {
 public:
  /// `where` begins messages: "net.pt2".
  ExportedOps(
      torch::jit::Graph& graph,
      const io::ExportedGraph& exported,
      ExportedValues& values,
      const std::string& where)
      : graph_(graph), exported_(exported), values_(values), where_(where) {}

  /// Adds all nodes in their order; each value gets its name.
  ///
  /// Errors: FileError if the LibTorch at hand lacks an op, or if one is of a
  ///   kind that is not run here.
  void add_all();

 private:
  using Values = std::vector<torch::jit::Value*>;

  void add(const io::ExportedNode& node);
  void add_op(const io::ExportedNode& node, const OpName& op);
  void add_scalar_op(const io::ExportedNode& node);
  void add_cond(const io::ExportedNode& node);
  Values branch_outputs(
      torch::jit::Node& branches,
      const io::ExportedValue& branch,
      const Values& operands);
  bool add_decomposed(const io::ExportedNode& node, const OpName& op);
  torch::jit::Value* attention(const io::ExportedNode& node);
  torch::jit::Value* masked_scores(
      torch::jit::Value* scores,
      const io::ExportedNode& node);

  torch::jit::Value* argument(
      const io::ExportedNode& node,
      std::string_view name);
  bool is_true(const io::ExportedNode& node, std::string_view name) const;
  torch::jit::Value* call(const char* op, const Values& arguments);
  torch::jit::Value* constant(const c10::IValue& value);
  void name_outputs(const io::ExportedNode& node, const Values& results);
  void name_output(const io::ExportedValue& output, torch::jit::Value* value);
  [[noreturn]] void fail_at(const OpName& op, const std::string& problem) const;

  torch::jit::Graph& graph_;
  const io::ExportedGraph& exported_;
  ExportedValues& values_;
  const std::string& where_;
};

} // namespace coppice::graph
