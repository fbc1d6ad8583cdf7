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
/// A number is replaced where in both graphs it is
///   1. a size of an input,
///   2. a size of a tensor that its operation takes,
///   3. a size of a tensor computed before,
///   4. an integer multiple of a size of an input (batch times heads),
///   5. a product of two sizes of an input, or a multiple of that,
///   6. one more or one less than a size of an input,
/// tried in this order, and no other size would do as well. Only sizes that
/// differ between the traces count. Returns the constants that stay.
std::vector<ConstantPair> follow_sizes(
    torch::jit::Graph& graph,
    const TraceComparison& comparison);

} // namespace coppice::detail
