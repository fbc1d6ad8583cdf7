// Formats by column, for single sparse inputs.

#include <algorithm>

#include "kernels/bitmask_columns.h"
#include "kernels/input_columns.h"
#include "sparse/packed_product.h"
#include "sparse/scratch.h"

namespace coppice::sparse {
namespace {

using kernels::ActiveInput;
using kernels::BitmaskColumns;
using kernels::InputColumns;
using kernels::Range;

/// `Self::multiply_one` computes the product for one input.
template <class Self, class Packed>
class ColumnProduct : public PackedProduct<Self, Packed> {
 public:
  using PackedProduct<Self, Packed>::PackedProduct;

  Range part(size_t part, size_t parts) const override {
    const size_t unit = this->unit_rows();
    return kernels::even_range((this->rows() + unit - 1) / unit, part, parts);
  }

 protected:
  /// Each thread lists the active inputs itself, which is faster than waiting
  /// for another thread's list.
  void multiply(const ProductCall& call, Range part) const override {
    thread_local Scratch<ActiveInput> scratch;
    const size_t cols = this->cols();
    ActiveInput* active = scratch.at_least(cols);
    for (size_t n = 0; n < call.batch; ++n) {
      const size_t count = kernels::active_inputs(
          call.x + n * cols, cols, /*threshold=*/0, active);
      static_cast<const Self&>(*this).multiply_one(
          active, count, call.bias, part, call.y + n * this->rows());
    }
  }
};

class InputColumnsProduct final
    : public ColumnProduct<InputColumnsProduct, InputColumns> {
 public:
  using ColumnProduct::ColumnProduct;

  size_t nbytes() const override {
    return bytes_of(w_.values);
  }
  size_t stored() const override {
    return w_.values.size();
  }
  double nanoseconds(size_t batch) const override {
    return 0.045 * stored() * batch;
  }
  /// The rows of a cache line.
  size_t unit_rows() const override {
    return 16;
  }
  void multiply_one(
      const ActiveInput* active,
      size_t count,
      const float* bias,
      Range part,
      float* y) const {
    const Range range{
        std::min(part.begin * unit_rows(), w_.rows),
        std::min(part.end * unit_rows(), w_.rows)};
    kernels::input_columns_product(w_, active, count, bias, range, y);
  }
};

class BitmaskColumnsProduct final
    : public ColumnProduct<BitmaskColumnsProduct, BitmaskColumns> {
 public:
  using ColumnProduct::ColumnProduct;

  size_t nbytes() const override {
    return bytes_of(w_.values, w_.mask, w_.begins);
  }
  size_t stored() const override {
    return w_.begins.back(); // Without the padding.
  }
  double nanoseconds(size_t batch) const override {
    return 0.06 * w_.rows * w_.cols * batch;
  }
  size_t unit_rows() const override {
    return BitmaskColumns::kTileRows;
  }
  void multiply_one(
      const ActiveInput* active,
      size_t count,
      const float* bias,
      Range part,
      float* y) const {
    kernels::bitmask_columns_product(w_, active, count, bias, part, y);
  }
};

} // namespace

std::unique_ptr<Product> make_input_columns(const ToPack& weight) {
  return std::make_unique<InputColumnsProduct>(kernels::pack_input_columns(
      weight.w, weight.rows, weight.cols, weight.packing));
}

std::unique_ptr<Product> make_bitmask_columns(const ToPack& weight) {
  return std::make_unique<BitmaskColumnsProduct>(kernels::pack_bitmask_columns(
      weight.w, weight.rows, weight.cols, weight.packing));
}

} // namespace coppice::sparse
