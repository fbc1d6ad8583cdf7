#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "coppice/core/pattern.h"
#include "coppice/sparse/packed_format.h"
#include "kernels/packing.h"

namespace coppice::sparse {

class Product;

/// A weight that is to be packed.
struct ToPack {
  const float* w = nullptr; ///< [rows, cols] row-major.
  size_t rows = 0;
  size_t cols = 0;
  BlockShape block; ///< That of the format.
  size_t batch = 1; ///< What formats that are laid out for a batch take.
  kernels::Packing packing;
};

/// All that is known of a packed format. A new one is a kernel, a product and a
/// row of the table in format_traits.cpp.
struct FormatTraits {
  PackedFormat format;
  const char* name;
  BlockShape block; ///< What it leaves out together.
  /// The batches it is made for; with others a product is right but slow.
  int64_t least_batch;
  int64_t most_batch;
  /// Whether its layout depends on `PackedWeightOptions::batch`.
  bool is_laid_out_for_batch;
  /// Whether it skips inputs that are zero.
  bool skips_inputs;
  /// Whether it stores zeros too, so that it may pay for a weight without any.
  bool stores_zeros;
  int64_t most_columns;
  std::unique_ptr<Product> (*make)(const ToPack& weight);
};

/// The row of a format.
///
/// Errors: c10::ValueError if the table has none, for a number that is cast.
const FormatTraits& traits_of(PackedFormat format);

} // namespace coppice::sparse
