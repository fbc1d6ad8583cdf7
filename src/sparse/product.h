#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "coppice/sparse/packed_weight.h"
#include "kernels/packing.h"
#include "sparse/format_traits.h"

namespace coppice::sparse {

/// The arguments of a product: y = x W^T + bias.
struct ProductCall {
  /// [batch, cols] row-major, or tiles of `kernels::transpose_batch` if the
  /// product takes those.
  const float* x = nullptr;
  size_t batch = 0;
  const float* bias = nullptr; ///< [rows], or null.
  float* y = nullptr;          ///< [batch, rows] row-major.
  bool relu = false;           ///< Whether negative results become 0.
};

/// A packed weight and its kernel. Threads share the rows; results do not
/// depend on the number of parts.
class Product {
 public:
  virtual ~Product() = default;

  virtual std::unique_ptr<Product> copy() const = 0;
  virtual void to_dense(float* dense) const = 0;
  virtual size_t nbytes() const = 0;
  /// Number of weights multiplied per input.
  virtual size_t stored() const = 0;
  /// The approximate time on one thread for that batch, for choosing the number
  /// of threads.
  virtual double nanoseconds(size_t batch) const = 0;
  virtual size_t rows() const = 0;
  virtual size_t cols() const = 0;

  /// Whether `x` must be in tiles for that batch.
  virtual bool takes_tiles(size_t batch) const;

  /// Part `part` of `parts` of about equal cost, in units of `unit_rows()`
  /// rows.
  virtual kernels::Range part(size_t part, size_t parts) const = 0;
  virtual size_t unit_rows() const = 0;

  /// Computes a part on this thread.
  void run(const ProductCall& call, kernels::Range part) const;

 protected:
  virtual void multiply(const ProductCall& call, kernels::Range part) const = 0;
};

/// Packs `w`, [rows, cols] row-major, on all threads.
std::unique_ptr<Product> make_product(
    const PackedWeightOptions& options,
    const float* w,
    size_t rows,
    size_t cols);

// The factories in the table of formats.
std::unique_ptr<Product> make_dense(const ToPack& weight);
std::unique_ptr<Product> make_bitmask_rows(const ToPack& weight);
std::unique_ptr<Product> make_compressed_rows(const ToPack& weight);
std::unique_ptr<Product> make_input_blocks(const ToPack& weight);
std::unique_ptr<Product> make_output_blocks(const ToPack& weight);
std::unique_ptr<Product> make_pattern_panels(const ToPack& weight);
std::unique_ptr<Product> make_sorted_rows(const ToPack& weight);
std::unique_ptr<Product> make_input_columns(const ToPack& weight);
std::unique_ptr<Product> make_bitmask_columns(const ToPack& weight);

} // namespace coppice::sparse
