// Formats for batches, whose inputs are tiles.

#include <algorithm>
#include <atomic>

#include "kernels/output_blocks.h"
#include "kernels/pattern_panels.h"
#include "kernels/sorted_rows.h"
#include "sparse/packed_product.h"
#include "sparse/scratch.h"

namespace coppice::sparse {
namespace {

using kernels::OutputBlocks;
using kernels::PatternPanels;
using kernels::Range;
using kernels::SortedRows;

/// For formats with the batch along the vectors; the narrowest tile has eight
/// inputs.
double nanoseconds_in_tiles(size_t stored, size_t batch) {
  return (0.3 + 0.018 * std::max<size_t>(batch, 8)) * stored;
}

/// A format of panels of rows.
template <class Self, class Packed>
class PanelProduct : public PackedProduct<Self, Packed> {
 public:
  using PackedProduct<Self, Packed>::PackedProduct;

  size_t stored() const override {
    return this->w_.values.size();
  }
  Range part(size_t part, size_t parts) const override {
    const auto& w = this->w_;
    return kernels::balanced_range(w.begins.data(), w.panels, part, parts);
  }
};

class OutputBlocksProduct final
    : public PanelProduct<OutputBlocksProduct, OutputBlocks> {
 public:
  using PanelProduct::PanelProduct;

  size_t nbytes() const override {
    return bytes_of(w_.values, w_.columns, w_.begins);
  }
  double nanoseconds(size_t batch) const override {
    return 0.3 / w_.height * (batch + 1) * stored();
  }
  bool takes_tiles(size_t batch) const override {
    return batch > 1;
  }
  size_t unit_rows() const override {
    return w_.height;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    kernels::output_blocks_product(
        w_, call.x, call.batch, call.bias, part, call.y);
  }
};

class PatternPanelsProduct final
    : public PanelProduct<PatternPanelsProduct, PatternPanels> {
 public:
  using PanelProduct::PanelProduct;

  size_t nbytes() const override {
    return bytes_of(w_.values, w_.cells, w_.columns, w_.begins);
  }
  double nanoseconds(size_t batch) const override {
    return nanoseconds_in_tiles(stored(), batch);
  }
  bool takes_tiles(size_t /*batch*/) const override {
    return true;
  }
  size_t unit_rows() const override {
    return 4;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    thread_local Scratch<float> scratch;
    kernels::pattern_product(
        w_,
        call.x,
        call.batch,
        call.bias,
        part,
        scratch.at_least(kernels::pattern_scratch_size()),
        call.y);
  }
};

class SortedRowsProduct final
    : public PackedProduct<SortedRowsProduct, SortedRows> {
 public:
  using PackedProduct::PackedProduct;

  size_t nbytes() const override {
    return bytes_of(
        w_.values, w_.cells, w_.runs, w_.order, w_.columns, w_.begins);
  }
  size_t stored() const override {
    return w_.values.size();
  }
  double nanoseconds(size_t batch) const override {
    return nanoseconds_in_tiles(stored(), batch);
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
    thread_local Scratch<float> scratch;
    kernels::sorted_rows_product(
        w_,
        call.x,
        call.batch,
        call.bias,
        part,
        scratch.at_least(kernels::sorted_scratch_size()),
        call.y);
  }
};

/// The fraction of nonzeros.
double density(const float* w, size_t count, const kernels::Packing& packing) {
  std::atomic<size_t> zeros{0};
  packing.for_each_range(count, [&](Range range) {
    zeros += std::count(w + range.begin, w + range.end, 0.0f);
  });
  return count == 0 ? 0.0 : 1 - static_cast<double>(zeros) / count;
}

/// A format of cells, whose chunk size depends on density and batch.
template <class Made, class Pack>
std::unique_ptr<Product> product_of_cells(
    const ToPack& weight,
    size_t (*chunk_for)(double density, size_t batch),
    Pack pack) {
  const auto& [w, rows, cols, block, batch, packing] = weight;
  const size_t chunk = chunk_for(density(w, rows * cols, packing), batch);
  return std::make_unique<Made>(pack(w, rows, cols, chunk, packing));
}

} // namespace

std::unique_ptr<Product> make_output_blocks(const ToPack& weight) {
  return std::make_unique<OutputBlocksProduct>(kernels::pack_output_blocks(
      weight.w,
      weight.rows,
      weight.cols,
      static_cast<size_t>(weight.block.rows),
      weight.packing));
}

std::unique_ptr<Product> make_pattern_panels(const ToPack& weight) {
  return product_of_cells<PatternPanelsProduct>(
      weight, kernels::pattern_chunk, kernels::pack_pattern_panels);
}

std::unique_ptr<Product> make_sorted_rows(const ToPack& weight) {
  return product_of_cells<SortedRowsProduct>(
      weight, kernels::sorted_chunk, kernels::pack_sorted_rows);
}

} // namespace coppice::sparse
