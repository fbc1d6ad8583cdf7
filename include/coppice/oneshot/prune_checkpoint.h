#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coppice/export.h"
#include "coppice/io/checkpoint.h"
#include "coppice/oneshot/recipe.h"

namespace coppice {

/// What became of one tensor of a checkpoint.
struct PrunedTensor {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape;
  int64_t elements = 0;

  /// Why it was left as it is; empty if it was pruned.
  std::string left_because;
  /// What else is to be known of it: that its pattern lies along another
  /// dimension, that it changes with another tensor. Empty for most.
  std::string note;

  // Of pruned tensors:
  WeightNormPattern pattern;
  Scope scope = Scope::Tensor;
  int64_t zeros_before = 0;
  int64_t zeros_after = 0;
  /// Whether it has the zeros that were asked of it, but for the rounding to
  /// whole blocks. True where the level is one of all tensors together.
  bool reached = true;
};

struct PruneReport {
  std::vector<PrunedTensor> tensors; ///< In the order of the checkpoint.
  /// Whether every tensor, and all tensors of a global modifier together, have
  /// the zeros that were asked for.
  bool reached = true;
  /// Whether the graphs of a TorchScript archive said what is a weight; names,
  /// shapes and what a file says of buffers, if not.
  bool from_graph = false;
  /// Why not, if it is such an archive: "it holds no methods".
  std::string not_from_graph_because;
};

struct PruneOptions {
  /// Computes all masks and writes nothing.
  bool dry_run = false;
  /// Called as work goes on, with bytes done and bytes in all.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// Writes a copy of a checkpoint with pruned tensors, in the same format: what
/// is not pruned is byte-identical, dropped values are +0, kept ones keep their
/// bits. `output` is a file, or a folder for the shards of a sharded one; it is
/// there in whole or not at all, and the input is never touched.
///
/// Tensors that share memory are pruned once, under their first name. A tensor
/// that lies over one which is left is left, too, unless it was named. Masks of
/// torch.nn.utils.prune and of parametrizations count: what they drop is zero
/// already. Of a TorchScript archive the graphs are followed to see what is a
/// weight, if it can be loaded without running anything of it. One tensor is in
/// memory at a time; a global threshold is found in two more
/// passes over the tensors (four for float64), exactly: of ties, what lies
/// earlier in the files is dropped.
///
/// Errors: c10::ValueError if a target matches no tensor, two modifiers one
///   tensor, no tensor is left to prune, or a weight holds NaN or infinity;
///   OutputError if the output cannot be written.
/// Source: the masks are those of WeightNormSparsifier.
COPPICE_API PruneReport prune_checkpoint(
    const Checkpoint& input,
    const Recipe& recipe,
    const std::string& output,
    const PruneOptions& options = {});

} // namespace coppice
