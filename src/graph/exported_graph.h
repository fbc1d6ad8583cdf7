#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <memory>
#include <string>

#include "io/exported_program.h"

namespace coppice::graph {

/// A program's graph as one of TorchScript, to be looked at and not to be run:
/// ops have the kinds of LibTorch's and their inputs in the order of its
/// schemas, with None where one is left out. It may hold ops that the LibTorch
/// at hand lacks, with their inputs as they come. Branches and loops are calls
/// of subgraphs. What is no tensor, number, truth, text or list of these is
/// None.
///
/// Errors: FileError, which begins with `where`, if a graph within it is of
///   another form.
std::shared_ptr<torch::jit::Graph> exported_graph_to_follow(
    const io::ExportedGraph& graph,
    const std::string& where);

} // namespace coppice::graph
