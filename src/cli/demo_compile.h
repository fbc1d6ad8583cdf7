#pragma once

#include <string>

#include "cli/demo.h"

namespace coppice::cli {

/// Makes the sparse network fast: traces it, compiles it for one image and for
/// 64, and saves what came out as `path`. What the file holds is judged.
DemoCompiled compile_demo(
    DemoNet& net,
    const ImageSet& test,
    const std::string& path,
    double seconds);

/// Writes the page of what the demo found out.
void write_demo_page(const DemoResult& result);

} // namespace coppice::cli
