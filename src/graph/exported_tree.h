#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <string>
#include <string_view>
#include <vector>

#include "io/json_document.h"

namespace coppice::graph {

/// How inputs or outputs lie in one another: Python's tuples, lists and
/// dictionaries, with tensors and numbers for leaves.
struct ExportedTree {
  enum class Kind { kLeaf, kTuple, kList, kDict };

  Kind kind = Kind::kLeaf;
  std::vector<ExportedTree> children;
  std::vector<std::string> keys; ///< Of a dictionary, one a child.

  size_t leaf_count() const;
};

/// The tree in a text such as `[1, {"type": "builtins.tuple", ...}]`.
///
/// Errors: FileError, which begins with `where`, if it holds containers of
/// other
///   classes.
ExportedTree exported_tree(std::string_view text, const std::string& where);

/// The type of a tree with leaves of these types, taken from the front on.
c10::TypePtr type_of_tree(
    const ExportedTree& tree,
    const std::vector<c10::TypePtr>& leaves,
    size_t& next);

/// Takes `value` apart at the graph's insert point; its leaves in their order.
void add_leaves(
    torch::jit::Graph& graph,
    const ExportedTree& tree,
    torch::jit::Value* value,
    std::vector<torch::jit::Value*>& leaves);

/// Puts leaves, taken from the front on, together at the graph's insert point.
/// A dictionary of values of several types becomes a tuple.
torch::jit::Value* put_together(
    torch::jit::Graph& graph,
    const ExportedTree& tree,
    const std::vector<torch::jit::Value*>& leaves,
    size_t& next);

} // namespace coppice::graph
