#pragma once

#include <coppice/compile/compile.h>
#include "report/html_page.h"

namespace coppice::cli {

/// Maps of a layer's zeros: the whole weight, and single weights from its
/// middle if it is too large to show them all.
HtmlFrame mask_pictures(const CompiledLayer& layer);

} // namespace coppice::cli
