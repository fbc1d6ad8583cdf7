#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/packing.h"

namespace coppice::kernels {

/// A dense weight for products with a single input of which much is zero or
/// small: stored by input column, so that the column of an input that is
/// skipped is never read (as TEAL does on GPUs: Liu et al., "Training-Free
/// Activation Sparsity in Large Language Models", 2024).
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

/// The weight as it is stored, bit for bit.
void unpack(const InputColumns& w, float* dense);

/// Lists the inputs with |x| > threshold, in order, in `active`, which has room
/// for `count`; returns how many they are. NaN is listed. With a threshold of
/// zero just zeros are skipped.
size_t active_inputs(
    const float* x,
    size_t count,
    float threshold,
    ActiveInput* active);

/// y = W x + bias for the rows of W in `range`, over the active inputs alone;
/// y is [rows], a null `bias` is zero. A sum is added in an order that depends
/// on the active inputs alone.
///
/// The weights of skipped inputs are not multiplied: where they are infinite or
/// NaN they do not make y NaN, as they do in a dense product. Denormals count
/// as zero.
void input_columns_product(
    const InputColumns& w,
    const ActiveInput* active,
    size_t count,
    const float* bias,
    Range range,
    float* y);

} // namespace coppice::kernels
