// Formats by row, for single inputs.

#include <algorithm>

#include "kernels/bitmask_rows.h"
#include "kernels/compressed_rows.h"
#include "kernels/dense.h"
#include "kernels/input_blocks.h"
#include "sparse/packed_product.h"

namespace coppice::sparse {
namespace {

using kernels::BitmaskRows;
using kernels::CompressedRows;
using kernels::DenseRows;
using kernels::InputBlocks;
using kernels::Range;

size_t bytes_in(const BitmaskRows& w) {
  return bytes_of(w.values, w.mask, w.begins);
}
size_t bytes_in(const CompressedRows& w) {
  return bytes_of(w.values, w.columns, w.begins);
}
size_t bytes_in(const InputBlocks& w) {
  return bytes_of(w.values, w.blocks, w.begins);
}

size_t weights_in(const BitmaskRows& w) {
  return w.begins.back();
}
size_t weights_in(const CompressedRows& w) {
  return w.begins.back();
}
size_t weights_in(const InputBlocks& w) {
  return w.begins.back() * w.width;
}

// Measured time per stored weight, or per column whether stored or not.
double nanoseconds_of(const BitmaskRows& w) {
  return 0.07 * w.rows * w.cols;
}
double nanoseconds_of(const CompressedRows& w) {
  return 0.23 * weights_in(w);
}
double nanoseconds_of(const InputBlocks& w) {
  return (0.04 + 0.24 / w.width) * weights_in(w);
}

/// `kMultiply` is the kernel for one input.
template <class Packed, auto kMultiply>
class RowProduct final
    : public PackedProduct<RowProduct<Packed, kMultiply>, Packed> {
 public:
  using PackedProduct<RowProduct, Packed>::PackedProduct;

  size_t nbytes() const override {
    return bytes_in(this->w_);
  }
  size_t stored() const override {
    return weights_in(this->w_);
  }
  double nanoseconds(size_t batch) const override {
    return nanoseconds_of(this->w_) * batch;
  }
  Range part(size_t part, size_t parts) const override {
    const auto& begins = this->w_.begins;
    return kernels::balanced_range(begins.data(), this->rows(), part, parts);
  }
  size_t unit_rows() const override {
    return 1;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    // A few rows for all inputs, so that their weights stay in the cache.
    constexpr size_t kRows = 64;
    const size_t step = call.batch > 1 ? kRows : part.end - part.begin;
    for (size_t r = part.begin; r < part.end; r += step) {
      const Range rows{r, std::min(r + step, part.end)};
      for (size_t n = 0; n < call.batch; ++n) {
        const float* x = call.x + n * this->cols();
        kMultiply(this->w_, x, call.bias, rows, call.y + n * this->rows());
      }
    }
  }
};

using BitmaskRowsProduct =
    RowProduct<BitmaskRows, kernels::bitmask_rows_product>;
using CompressedRowsProduct =
    RowProduct<CompressedRows, kernels::compressed_rows_product>;
using InputBlocksProduct =
    RowProduct<InputBlocks, kernels::input_blocks_product>;

class DenseProduct final : public PackedProduct<DenseProduct, DenseRows> {
 public:
  using PackedProduct::PackedProduct;

  size_t nbytes() const override {
    return bytes_of(w_.values);
  }
  size_t stored() const override {
    return w_.values.size();
  }
  double nanoseconds(size_t batch) const override {
    return (0.02 + 0.022 * batch) * stored();
  }
  Range part(size_t part, size_t parts) const override {
    return kernels::even_range(w_.rows, part, parts);
  }
  size_t unit_rows() const override {
    return 1;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    kernels::dense_product(w_, call.x, call.batch, call.bias, part, call.y);
  }
};

} // namespace

std::unique_ptr<Product> make_dense(const ToPack& weight) {
  return std::make_unique<DenseProduct>(kernels::pack_dense_rows(
      weight.w, weight.rows, weight.cols, weight.packing));
}

std::unique_ptr<Product> make_bitmask_rows(const ToPack& weight) {
  return std::make_unique<BitmaskRowsProduct>(kernels::pack_bitmask_rows(
      weight.w, weight.rows, weight.cols, weight.packing));
}

std::unique_ptr<Product> make_compressed_rows(const ToPack& weight) {
  return std::make_unique<CompressedRowsProduct>(kernels::pack_compressed_rows(
      weight.w, weight.rows, weight.cols, weight.packing));
}

std::unique_ptr<Product> make_input_blocks(const ToPack& weight) {
  return std::make_unique<InputBlocksProduct>(kernels::pack_input_blocks(
      weight.w,
      weight.rows,
      weight.cols,
      static_cast<size_t>(weight.block.cols),
      weight.packing));
}

} // namespace coppice::sparse
