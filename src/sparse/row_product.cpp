// Formats that lie row by row and are made for single inputs.

#include <algorithm>
#include <utility>

#include "coppice/kernels/bitmask_rows.h"
#include "coppice/kernels/compressed_rows.h"
#include "coppice/kernels/dense.h"
#include "coppice/kernels/input_blocks.h"
#include "sparse/packed_bytes.h"
#include "sparse/product.h"

namespace coppice::sparse {
namespace {

using kernels::BitmaskRows;
using kernels::CompressedRows;
using kernels::InputBlocks;
using kernels::Range;

size_t bytes_in(const BitmaskRows& w) {
  return bytes_of(w.mask, w.values, w.begins);
}
size_t bytes_in(const CompressedRows& w) {
  return bytes_of(w.columns, w.values, w.begins);
}
size_t bytes_in(const InputBlocks& w) {
  return bytes_of(w.blocks, w.values, w.begins);
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

void multiply_rows(
    const BitmaskRows& w,
    const float* x,
    const float* bias,
    Range rows,
    float* y) {
  kernels::bitmask_rows_product(w, x, bias, rows, y);
}
void multiply_rows(
    const CompressedRows& w,
    const float* x,
    const float* bias,
    Range rows,
    float* y) {
  kernels::compressed_rows_product(w, x, bias, rows, y);
}
void multiply_rows(
    const InputBlocks& w,
    const float* x,
    const float* bias,
    Range rows,
    float* y) {
  kernels::input_blocks_product(w, x, bias, rows, y);
}

template <class Packed>
class RowProduct final : public Product {
 public:
  explicit RowProduct(Packed w) : w_(std::move(w)) {}

  std::unique_ptr<Product> copy() const override {
    return std::make_unique<RowProduct>(*this);
  }
  void unpack(float* dense) const override {
    kernels::unpack(w_, dense);
  }
  size_t nbytes() const override {
    return bytes_in(w_);
  }
  size_t stored() const override {
    return weights_in(w_);
  }
  size_t rows() const override {
    return w_.rows;
  }
  size_t cols() const override {
    return w_.cols;
  }
  Range part(size_t part, size_t parts) const override {
    return kernels::balanced_range(w_.begins.data(), w_.rows, part, parts);
  }
  size_t unit_rows() const override {
    return 1;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    // A few rows under all inputs, so that their weights stay in the cache.
    constexpr size_t kRows = 64;
    const size_t step = call.batch > 1 ? kRows : part.end - part.begin;
    for (size_t r = part.begin; r < part.end; r += step) {
      const Range rows{r, std::min(r + step, part.end)};
      for (size_t n = 0; n < call.batch; ++n) {
        multiply_rows(
            w_, call.x + n * w_.cols, call.bias, rows, call.y + n * w_.rows);
      }
    }
  }

 private:
  Packed w_;
};

class DenseProduct final : public Product {
 public:
  DenseProduct(const float* w, size_t rows, size_t cols)
      : rows_(rows), cols_(cols), w_(w, w + rows * cols) {}

  std::unique_ptr<Product> copy() const override {
    return std::make_unique<DenseProduct>(*this);
  }
  void unpack(float* dense) const override {
    std::copy(w_.begin(), w_.end(), dense);
  }
  size_t nbytes() const override {
    return bytes_of(w_);
  }
  size_t stored() const override {
    return w_.size();
  }
  size_t rows() const override {
    return rows_;
  }
  size_t cols() const override {
    return cols_;
  }
  Range part(size_t part, size_t parts) const override {
    return kernels::even_range(rows_, part, parts);
  }
  size_t unit_rows() const override {
    return 1;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    kernels::dense_product(
        w_.data(), rows_, cols_, call.x, call.batch, call.bias, part, call.y);
  }

 private:
  size_t rows_;
  size_t cols_;
  kernels::Buffer<float> w_;
};

template <class Packed>
std::unique_ptr<Product> product_of(Packed packed) {
  return std::make_unique<RowProduct<Packed>>(std::move(packed));
}

} // namespace

std::unique_ptr<Product> make_row_product(
    PackedFormat format,
    const float* w,
    size_t rows,
    size_t cols) {
  switch (format) {
    case PackedFormat::BitmaskRows:
      return product_of(kernels::pack_bitmask_rows(w, rows, cols));
    case PackedFormat::CompressedRows:
      return product_of(kernels::pack_compressed_rows(w, rows, cols));
    case PackedFormat::InputBlocks4:
      return product_of(kernels::pack_input_blocks(w, rows, cols, 4));
    case PackedFormat::InputBlocks8:
      return product_of(kernels::pack_input_blocks(w, rows, cols, 8));
    case PackedFormat::InputBlocks16:
      return product_of(kernels::pack_input_blocks(w, rows, cols, 16));
    default:
      return std::make_unique<DenseProduct>(w, rows, cols);
  }
}

} // namespace coppice::sparse
