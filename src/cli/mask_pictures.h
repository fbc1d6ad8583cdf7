#pragma once

#include <coppice/compile/compile.h>
#include "report/html_page.h"

namespace coppice::cli {

/// Where the zeros of a layer's weight are: the whole of it, and weights from
/// its middle one by one if it is too large to show them all.
HtmlFrame mask_pictures(const CompiledLayer& layer);

} // namespace coppice::cli
