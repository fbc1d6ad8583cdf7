#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "coppice/io/checkpoint.h"
#include "graph/weight_uses.h"

namespace coppice::oneshot {

/// What a TorchScript archive tells about the role of its tensors.
struct ScriptEvidence {
  /// Whether the graphs of its methods were followed. If not, only kinds are
  /// known: what is a buffer.
  bool from_graph = false;
  std::string not_from_graph_because; ///< "it is larger than memory"
  graph::WeightUses uses;

  /// Null if nothing is known of a tensor.
  const graph::WeightUse* find(const std::string& name) const;
};

/// Bytes of memory that are free now; what files take in the cache counts as
/// free on Linux only in part, so that this is on the safe side.
uint64_t free_memory();

/// Loads the archive with LibTorch and follows its graphs. This is done only if
/// loading runs no code (no `__setstate__`, no custom classes) and takes at
/// most half of `free_bytes`. Else the declarations of buffers are read from
/// the code as text. Null for other files. Never throws for faulty code.
std::optional<ScriptEvidence> script_evidence(
    const Checkpoint& checkpoint,
    uint64_t free_bytes = free_memory());

} // namespace coppice::oneshot
