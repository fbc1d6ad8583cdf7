#pragma once

#include <string>

#include "coppice/oneshot/prune_checkpoint.h"

namespace coppice::cli {

/// A row a tensor and the totals. `output` is empty if nothing was written.
std::string prune_text(const std::string& output, const PruneReport& report);

/// "2:4", "80% of 1x4", "80%": what was asked of a tensor.
std::string asked_of(const PrunedTensor& tensor);

/// What decided which tensors are weights, where that is worth a line.
std::string evidence_text(const PruneReport& report);

std::string prune_json(
    const std::string& model,
    const std::string& output,
    const Checkpoint& input,
    const PruneReport& report);

} // namespace coppice::cli
