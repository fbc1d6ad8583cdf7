#pragma once

#include "report/html_page.h"

#include "cli/compile_page.h"

namespace coppice::cli {

/// The whole model's time before and after, then each layer's, a chart a batch.
void add_bars(
    HtmlPage& page,
    const PageSubject& subject,
    const CompiledModel& compiled);

} // namespace coppice::cli
