#pragma once

#include <string>

#include "oneshot/prune_with_samples.h"

namespace coppice::cli {

/// One line about the work ahead.
std::string work_text(const oneshot::SampledWork& work);

/// One row per tensor, the totals and the change of the outputs. `output` is
/// empty if nothing was written.
std::string sampled_text(
    const std::string& output,
    const oneshot::SampledReport& report);

/// `allocation`: as on the command line; empty for a recipe's own.
std::string sampled_json(
    const std::string& model,
    const std::string& output,
    const std::string& allocation,
    const Checkpoint& input,
    const oneshot::SampledReport& report);

} // namespace coppice::cli
