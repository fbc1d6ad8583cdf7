#pragma once

#include <string>

#include "graph/weight_uses.h"
#include "io/exported_archive.h"

namespace coppice::graph {

/// `weight_uses` of a program of torch.export, by the FQNs of its tensors. Ops
/// may be unknown to this LibTorch.
///
/// Errors: FileError, with the prefix `where`; c10::ValueError if the graph is
///   too large.
WeightUses exported_uses(
    const io::ExportedModel& model,
    const std::string& where);

} // namespace coppice::graph
