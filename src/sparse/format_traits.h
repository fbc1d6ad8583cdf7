#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "coppice/core/pattern.h"
#include "coppice/sparse/packed_format.h"
#include "kernels/packing.h"

namespace coppice::sparse {

class Product;

/// A weight to pack.
struct ToPack {
  const float* w = nullptr; ///< [rows, cols] row-major.
  size_t rows = 0;
  size_t cols = 0;
  BlockShape block; ///< The block of the format.
  size_t batch = 1; ///< For formats whose layout depends on it.
  kernels::Packing packing;
};

/// The properties of a packed format. A new format is a kernel, a product and a
/// row of the table in format_traits.cpp.
struct FormatTraits {
  PackedFormat format;
  const char* name;
  BlockShape block; ///< Zeros are skipped by blocks of this shape.
  /// The batches that it is designed for. Others give correct results, slowly.
  int64_t min_batch;
  int64_t max_batch;
  /// Whether its layout depends on `PackedWeightOptions::batch`.
  bool is_laid_out_for_batch;
  /// Whether it skips inputs that are zero.
  bool skips_inputs;
  /// Whether it stores zeros too, so that it can pay off for weights without
  /// zeros.
  bool stores_zeros;
  int64_t max_columns;
  std::unique_ptr<Product> (*make)(const ToPack& weight);
};

/// The row of a format.
///
/// Errors: c10::ValueError if there is none: the enum was cast from a wrong
/// number.
const FormatTraits& traits_of(PackedFormat format);

} // namespace coppice::sparse
