#pragma once

#include "graph/trace_compare.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace coppice::detail {

/// Replaces constants that are sizes of a tensor in both traces by
/// `aten::size(tensor, dim)` in the first: the tracer records a size that C++
/// code reads as a number, most often in `x.view({x.size(0), -1})`.
///
/// Only sizes that differ between the traces count. A constant becomes the size
/// that it equals in both traces: of an input, of an input of its operation or
/// of an earlier result; else a multiple of an input's size (batch times
/// heads), a multiple of a product of two, or a size plus or minus one.
/// Ambiguous constants stay. Returns the constants that stay.
std::vector<ConstantPair> follow_sizes(
    torch::jit::Graph& graph,
    const TraceComparison& comparison);

} // namespace coppice::detail
