#pragma once

#include <string>

#include "graph/weight_uses.h"
#include "io/exported_archive.h"

namespace coppice::graph {

/// `weight_uses` of a program of torch.export, by the FQNs of its tensors. The
/// LibTorch at hand need not know its ops.
///
/// Errors: FileError, which begins with `where`; c10::ValueError if the graph
/// is
///   too large to be followed.
WeightUses exported_uses(
    const io::ExportedModel& model,
    const std::string& where);

} // namespace coppice::graph
