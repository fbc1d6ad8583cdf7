#pragma once

#include "report/html_page.h"

#include "cli/compile_page.h"

namespace coppice::cli {

/// Times of the whole model before and after, then of each layer, one chart per
/// batch.
void add_bars(
    HtmlPage& page,
    const PageSubject& subject,
    const CompiledModel& compiled);

} // namespace coppice::cli
