#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/packing.h"

namespace coppice::kernels {

/// A dense weight for products with a single sparse input. Stored by input
/// column, so that the weights of a skipped input are never read (as TEAL does
/// on GPUs: Liu et al., "Training-Free Activation Sparsity in Large Language
/// Models", 2024).
struct InputColumns {
  size_t rows = 0;
  size_t cols = 0;
  Values values; ///< [cols, rows]
};

/// An input that is not skipped.
struct ActiveInput {
  uint32_t column;
  float value;
};

/// Packs `w`, [rows, cols] row-major.
InputColumns pack_input_columns(
    const float* w,
    size_t rows,
    size_t cols,
    const Packing& packing = {});

/// The weight as stored, bit for bit.
void unpack(const InputColumns& w, float* dense);

/// Writes the inputs with |x| > threshold to `active`, in order, and returns
/// their number. `active` has room for `count`. NaN is listed. A threshold of
/// zero skips zeros only.
size_t active_inputs(
    const float* x,
    size_t count,
    float threshold,
    ActiveInput* active);

/// y = W x + bias for the rows of W in `range`, over the active inputs; y is
/// [rows], a null `bias` means none. The order of summation depends on the
/// active inputs alone.
///
/// Weights of skipped inputs are not multiplied: unlike in a dense product,
/// infinite or NaN ones do not make y NaN. Denormals are flushed to zero.
void input_columns_product(
    const InputColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
