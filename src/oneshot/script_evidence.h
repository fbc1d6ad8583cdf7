#pragma once

#include <optional>
#include <string>

#include "coppice/io/checkpoint.h"
#include "graph/weight_uses.h"

namespace coppice::oneshot {

/// What a TorchScript archive says of its own tensors.
struct ScriptEvidence {
  /// Whether the graphs of its methods were followed. If not, only kinds are
  /// known: what is a buffer.
  bool from_graph = false;
  std::string not_from_graph_because; ///< "it is larger than memory"
  graph::WeightUses uses;

  /// Null if nothing is known of a tensor.
  const graph::WeightUse* find(const std::string& name) const;
};

/// Loads the archive with LibTorch to follow its graphs, and throws it away
/// again, if loading runs nothing of it (no `__setstate__` in its code, no
/// custom classes) and it takes less than half of the memory that is free. Else
/// what its classes say of buffers is read as text. Nothing for a file of
/// another kind. Never throws for what is wrong with the code.
std::optional<ScriptEvidence> script_evidence(const Checkpoint& checkpoint);

} // namespace coppice::oneshot
