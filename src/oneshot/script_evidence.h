#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coppice/io/checkpoint.h"
#include "graph/weight_uses.h"
#include "oneshot/free_memory.h"

namespace coppice::oneshot {

/// What the code of a TorchScript archive, or the graph of torch.export's, says
/// of the roles of its tensors.
struct ScriptEvidence {
  /// Whether the graphs of its methods were analysed. If not, only buffers are
  /// known.
  bool from_graph = false;
  std::string not_from_graph_because; ///< "it is larger than memory"
  graph::WeightUses uses;

  /// Null if nothing is known of the tensor.
  const graph::WeightUse* find(const std::string& name) const;
};

/// Loads a TorchScript archive with LibTorch and analyses its graphs, if
/// loading runs no code (no `__setstate__`, no custom classes) and, unless its
/// tensors can stay in the file, needs at most half of `free_bytes`. Else reads
/// the declarations of buffers from the code as text. Archives of torch.export:
/// see `exported_evidence`. Null for other files. Never throws for faulty code.
std::optional<ScriptEvidence> script_evidence(
    const Checkpoint& checkpoint,
    uint64_t free_bytes = free_memory());

} // namespace coppice::oneshot
