#pragma once

#include <cstddef>

namespace coppice::kernels {

/// sums[i] += values[i] for `count` values, each sum rounded once. The arrays
/// do not overlap.
void add_to(float* sums, const float* values, size_t count);

} // namespace coppice::kernels
