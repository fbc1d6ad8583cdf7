#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <string>

#include "io/exported_program.h"

namespace coppice::graph {

/// The qualified name of an op and its overload: {"aten::add", "Tensor"} for
/// "torch.ops.aten.add.Tensor". The overload may be "".
struct OpName {
  std::string name;
  std::string overload;
};

OpName op_name_of(std::string_view target);

/// A program's graph as a TorchScript graph, for analysis only: ops have
/// LibTorch's kinds and inputs in the order of its schemas, with None for
/// omitted ones. Ops that this LibTorch lacks keep their inputs as they come.
/// Branches and loops are calls of subgraphs. Values other than tensors,
/// numbers, bools, strings and lists of these are None.
///
/// Errors: FileError, with the prefix `where`, if a graph is malformed.
std::shared_ptr<torch::jit::Graph> exported_graph_to_follow(
    const io::ExportedGraph& graph,
    const std::string& where);

} // namespace coppice::graph
