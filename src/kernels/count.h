#pragma once

#include <cstddef>

namespace coppice::kernels {

/// The number of values that are 0 or -0.
size_t count_zeros(const float* values, size_t count);

/// True if no value is NaN or infinite.
bool all_finite(const float* values, size_t count);

} // namespace coppice::kernels
