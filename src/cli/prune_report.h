#pragma once

#include <string>

#include "coppice/oneshot/prune_checkpoint.h"
#include "report/json.h"

namespace coppice::cli {

/// A row a tensor and the totals. `output` is empty if nothing was written.
std::string prune_text(const std::string& output, const PruneReport& report);

/// "2:4", "80% of 1x4", "80%": what was asked of a tensor.
std::string asked_of(const PrunedTensor& tensor);

/// What decided which tensors are weights, where that is worth a line.
std::string evidence_text(const PruneReport& report);

/// How many tensors were pruned, how many zeros they have, and where they went.
std::string totals_text(const std::string& output, const PruneReport& report);

/// All but the rows of the tensors.
nlohmann::ordered_json totals_json(
    const std::string& model,
    const std::string& output,
    const Checkpoint& input,
    const PruneReport& report);

/// The fraction of a pruned tensor that is zero.
double share_of(int64_t zeros, const PrunedTensor& tensor);

std::string prune_json(
    const std::string& model,
    const std::string& output,
    const Checkpoint& input,
    const PruneReport& report);

} // namespace coppice::cli
