#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "oneshot/measure_sensitivity.h"

namespace coppice::cli {

/// One row per layer and level, and the samples measured on.
std::string analysis_text(const oneshot::AnalysisReport& report);

/// The object of `--json` and of `-o`, which `prune --allocation` reads.
nlohmann::ordered_json analysis_json(
    const std::string& model,
    const std::string& method,
    const oneshot::AnalysisReport& report);

/// "On 8 samples that were held back".
std::string compared_on(const oneshot::AnalysisReport& report);

} // namespace coppice::cli
