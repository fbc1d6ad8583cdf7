#pragma once

#include <cstddef>

#include "coppice/kernels/range.h"

namespace coppice::kernels {

/// y = x W^T + bias for the rows of W in `range`: w is [rows, cols], x
/// [batch, cols], y [batch, rows], all row-major; a null `bias` is zero.
///
/// Meant for a batch of at most 8, where it reads the weight about as fast as
/// memory gives it; larger ones are done eight at a time. Denormals count as
/// zero.
void dense_product(
    const float* w,
    size_t rows,
    size_t cols,
    const float* x,
    size_t batch,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
