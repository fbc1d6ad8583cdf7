#pragma once

#include <cstddef>

namespace coppice::kernels {

/// Adds `count` values to as many sums, each rounded once. The arrays do not
/// overlap.
void add_to(float* sums, const float* values, size_t count);

} // namespace coppice::kernels
