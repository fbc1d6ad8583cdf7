// Formats that are made for batches, which lie in tiles.

#include <utility>

#include "coppice/kernels/output_blocks.h"
#include "coppice/kernels/pattern_panels.h"
#include "coppice/kernels/sorted_rows.h"
#include "sparse/kept.h"
#include "sparse/packed_bytes.h"
#include "sparse/product.h"

namespace coppice::sparse {
namespace {

using kernels::OutputBlocks;
using kernels::PatternPanels;
using kernels::Range;
using kernels::SortedRows;

class OutputBlocksProduct final : public Product {
 public:
  explicit OutputBlocksProduct(OutputBlocks w) : w_(std::move(w)) {}

  std::unique_ptr<Product> copy() const override {
    return std::make_unique<OutputBlocksProduct>(*this);
  }
  void unpack(float* dense) const override {
    kernels::unpack(w_, dense);
  }
  size_t nbytes() const override {
    return bytes_of(w_.values, w_.columns, w_.begins);
  }
  size_t stored() const override {
    return w_.values.size();
  }
  size_t rows() const override {
    return w_.rows;
  }
  size_t cols() const override {
    return w_.cols;
  }
  bool takes_tiles(size_t batch) const override {
    return batch > 1;
  }
  Range part(size_t part, size_t parts) const override {
    return kernels::balanced_range(w_.begins.data(), w_.panels, part, parts);
  }
  size_t unit_rows() const override {
    return w_.height;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    kernels::output_blocks_product(
        w_, call.x, call.batch, call.bias, part, call.y);
  }

 private:
  OutputBlocks w_;
};

class PatternPanelsProduct final : public Product {
 public:
  explicit PatternPanelsProduct(PatternPanels w) : w_(std::move(w)) {}

  std::unique_ptr<Product> copy() const override {
    return std::make_unique<PatternPanelsProduct>(*this);
  }
  void unpack(float* dense) const override {
    kernels::unpack(w_, dense);
  }
  size_t nbytes() const override {
    return bytes_of(w_.cells, w_.columns, w_.values, w_.begins);
  }
  size_t stored() const override {
    return w_.values.size();
  }
  size_t rows() const override {
    return w_.rows;
  }
  size_t cols() const override {
    return w_.cols;
  }
  bool takes_tiles(size_t /*batch*/) const override {
    return true;
  }
  Range part(size_t part, size_t parts) const override {
    return kernels::balanced_range(w_.begins.data(), w_.panels, part, parts);
  }
  size_t unit_rows() const override {
    return 4;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    thread_local Kept<float> scratch;
    kernels::pattern_product(
        w_,
        call.x,
        call.batch,
        call.bias,
        part,
        scratch.at_least(kernels::pattern_scratch_size()),
        call.y);
  }

 private:
  PatternPanels w_;
};

class SortedRowsProduct final : public Product {
 public:
  explicit SortedRowsProduct(SortedRows w) : w_(std::move(w)) {}

  std::unique_ptr<Product> copy() const override {
    return std::make_unique<SortedRowsProduct>(*this);
  }
  void unpack(float* dense) const override {
    kernels::unpack(w_, dense);
  }
  size_t nbytes() const override {
    return bytes_of(
        w_.cells, w_.runs, w_.order, w_.columns, w_.values, w_.begins);
  }
  size_t stored() const override {
    return w_.values.size();
  }
  size_t rows() const override {
    return w_.rows;
  }
  size_t cols() const override {
    return w_.cols;
  }
  bool takes_tiles(size_t /*batch*/) const override {
    return true;
  }
  Range part(size_t part, size_t parts) const override {
    return kernels::balanced_range(w_.begins.data(), w_.blocks, part, parts);
  }
  size_t unit_rows() const override {
    return kernels::sorted_block_rows();
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    thread_local Kept<float> scratch;
    kernels::sorted_rows_product(
        w_,
        call.x,
        call.batch,
        call.bias,
        part,
        scratch.at_least(kernels::sorted_scratch_size()),
        call.y);
  }

 private:
  SortedRows w_;
};

std::unique_ptr<Product>
output_blocks(const float* w, size_t rows, size_t cols, size_t height) {
  return std::make_unique<OutputBlocksProduct>(
      kernels::pack_output_blocks(w, rows, cols, height));
}

/// The fraction of `w`, [rows, cols], that is not zero.
double density(const float* w, size_t rows, size_t cols) {
  size_t nonzeros = 0;
  for (size_t i = 0; i < rows * cols; ++i) {
    nonzeros += w[i] != 0;
  }
  return rows * cols == 0
      ? 0.0
      : static_cast<double>(nonzeros) / static_cast<double>(rows * cols);
}

std::unique_ptr<Product>
pattern_panels(const float* w, size_t rows, size_t cols, size_t batch) {
  const auto chunk = kernels::pattern_chunk(density(w, rows, cols), batch);
  return std::make_unique<PatternPanelsProduct>(
      kernels::pack_pattern_panels(w, rows, cols, chunk));
}

std::unique_ptr<Product>
sorted_rows(const float* w, size_t rows, size_t cols, size_t batch) {
  const auto chunk = kernels::sorted_chunk(density(w, rows, cols), batch);
  return std::make_unique<SortedRowsProduct>(
      kernels::pack_sorted_rows(w, rows, cols, chunk));
}

} // namespace

std::unique_ptr<Product> make_batch_product(
    PackedFormat format,
    const float* w,
    size_t rows,
    size_t cols,
    size_t batch) {
  switch (format) {
    case PackedFormat::OutputBlocks4:
      return output_blocks(w, rows, cols, 4);
    case PackedFormat::OutputBlocks8:
      return output_blocks(w, rows, cols, 8);
    case PackedFormat::OutputBlocks16:
      return output_blocks(w, rows, cols, 16);
    case PackedFormat::SortedRows:
      return sorted_rows(w, rows, cols, batch);
    default:
      return pattern_panels(w, rows, cols, batch);
  }
}

} // namespace coppice::sparse
