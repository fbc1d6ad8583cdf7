#pragma once

#include <string>
#include <vector>

#include "cli/compile_page.h"

namespace coppice::cli {

/// The page in a sentence.
std::string page_lead(const CompiledModel& compiled);

/// What the model gained: times, bytes, zeros, difference.
std::vector<HtmlFigure> page_figures(
    const PageSubject& subject,
    const CompiledModel& compiled);

} // namespace coppice::cli
