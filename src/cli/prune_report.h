#pragma once

#include <string>

#include "coppice/oneshot/prune_checkpoint.h"

namespace coppice::cli {

/// A row a tensor and the totals. `output` is empty if nothing was written.
std::string prune_text(const std::string& output, const PruneReport& report);

std::string prune_json(
    const std::string& model,
    const std::string& output,
    const Checkpoint& input,
    const PruneReport& report);

} // namespace coppice::cli
