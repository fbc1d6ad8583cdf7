#pragma once

#include "graph/trace_compare.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace coppice::detail {

/// Replaces numbers that are sizes of a tensor in both traces by
/// `aten::size(tensor, dim)` in the first: a size that C++ code read is a
/// number to the tracer, `x.view({x.size(0), -1})` the commonest case.
///
/// Only sizes that differ between the traces count. A number that is in both
/// traces a size of an input, of what its operation takes or of what was
/// computed before becomes that size; else one that is a multiple of a size of
/// an input (batch times heads), of the product of two, or one more or less
/// than a size. A number that several different formulas give stays. Returns
/// the constants that stay.
std::vector<ConstantPair> follow_sizes(
    torch::jit::Graph& graph,
    const TraceComparison& comparison);

} // namespace coppice::detail
