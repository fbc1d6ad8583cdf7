#pragma once

#include <string>

#include "coppice/oneshot/prune_checkpoint.h"
#include "report/json.h"

namespace coppice::cli {

/// One row per tensor, and the totals. `output` is empty if nothing was
/// written.
std::string prune_text(const std::string& output, const PruneReport& report);

/// The requested sparsity of a tensor: "2:4", "80% of 1x4", "80%".
std::string asked_of(const PrunedTensor& tensor);

/// How weights were found, if not by the graph.
std::string evidence_text(const PruneReport& report);

/// The numbers of tensors pruned and of zeros, and the output's path.
std::string totals_text(const std::string& output, const PruneReport& report);

/// All but the rows of tensors.
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
