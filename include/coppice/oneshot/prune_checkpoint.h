#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coppice/export.h"
#include "coppice/io/checkpoint.h"
#include "coppice/oneshot/recipe.h"

namespace coppice {

/// The result for one tensor of a checkpoint.
struct PrunedTensor {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape;
  int64_t elements = 0;

  /// Why it was not pruned; empty if it was.
  std::string left_because;
  /// A remark for the table, for example that its pattern runs along another
  /// dimension. Empty for most.
  std::string note;

  // Of a pruned tensor:
  WeightNormPattern pattern;
  Scope scope = Scope::Tensor;
  int64_t zeros_before = 0;
  int64_t zeros_after = 0;
  /// Whether it has the requested zeros, up to rounding to whole blocks. True
  /// for a global scope, whose level holds for all tensors together.
  bool reached = true;
};

struct PruneReport {
  std::vector<PrunedTensor> tensors; ///< In the order of the checkpoint.
  /// Whether every tensor, and all tensors of a global modifier together, have
  /// the requested zeros.
  bool reached = true;
  /// Whether the graphs of a TorchScript archive decided what is a weight. If
  /// not: names, shapes and the declared buffers.
  bool from_graph = false;
  /// Why they did not, for such an archive: "it holds no methods".
  std::string not_from_graph_because;
};

struct PruneOptions {
  /// Computes all masks and writes nothing.
  bool dry_run = false;
  /// Writes the copy also if the checkpoint has code that is known to be
  /// dangerous, which the copy then has too.
  bool keep_code = false;
  /// Called during work with bytes done and bytes in total.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

/// Writes a pruned copy of a checkpoint in the same format. Other tensors are
/// byte-identical, dropped values are +0, kept values keep their bits. `output`
/// is a file, or a folder if the checkpoint has shards. It is written
/// atomically; the input is not changed.
///
/// Tensors that share memory are pruned once, under their first name. A tensor
/// that overlaps one that is not pruned is not pruned either, unless it was
/// named. Masks of torch.nn.utils.prune and of parametrizations are applied
/// before scoring. The graphs of a TorchScript archive say what is a weight, if
/// it can be loaded without running any of its code.
///
/// Memory: one tensor at a time. A global threshold takes two more passes over
///   the tensors, four for float64.
/// Ties: the lower index is dropped; with a global scope, the earlier in the
///   files.
///
/// Errors: c10::ValueError if a target matches no tensor, two modifiers one
///   tensor, no tensor is left to prune, a weight holds NaN or infinity, or the
///   checkpoint has dangerous code;
///   OutputError if the output cannot be written.
/// Source: the masks are those of WeightNormSparsifier.
COPPICE_API PruneReport prune_checkpoint(
    const Checkpoint& input,
    const Recipe& recipe,
    const std::string& output,
    const PruneOptions& options = {});

} // namespace coppice
