#pragma once

#include <coppice/compile/compile.h>
#include "report/html_page.h"

#include <string>
#include <vector>

namespace coppice::cli {

/// The page's summary in one sentence.
std::string page_lead(const CompiledModel& compiled);

/// Changes of the model: times, bytes, zeros, difference.
std::vector<HtmlFigure> page_figures(const CompiledModel& compiled);

} // namespace coppice::cli
