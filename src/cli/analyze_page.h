#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oneshot/measure_sensitivity.h"

namespace coppice::cli {

/// The page of `coppice analyze --html`: a picture and rows for each layer.
///
/// `title`: the model's name. `facts`: names and values for the last section.
std::string analysis_page(
    const std::string& title,
    const std::vector<std::pair<std::string, std::string>>& facts,
    const oneshot::AnalysisReport& report);

} // namespace coppice::cli
