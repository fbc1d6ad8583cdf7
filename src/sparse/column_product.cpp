// Formats that lie column by column, for single inputs that are largely zero.

#include <algorithm>
#include <utility>

#include "coppice/kernels/bitmask_columns.h"
#include "coppice/kernels/input_columns.h"
#include "sparse/kept.h"
#include "sparse/packed_bytes.h"
#include "sparse/product.h"

namespace coppice::sparse {
namespace {

using kernels::ActiveInput;
using kernels::BitmaskColumns;
using kernels::InputColumns;
using kernels::Range;

/// Calls `body(active, count, y)` for every input of the batch. Each thread
/// lists the active ones itself: that is done sooner than waiting for another.
template <class Body>
void for_each_input(
    const ProductCall& call,
    size_t rows,
    size_t cols,
    Body body) {
  thread_local Kept<ActiveInput> kept;
  ActiveInput* active = kept.at_least(cols);
  for (size_t n = 0; n < call.batch; ++n) {
    const size_t count =
        kernels::active_inputs(call.x + n * cols, cols, call.threshold, active);
    body(active, count, call.y + n * rows);
  }
}

class InputColumnsProduct final : public Product {
 public:
  explicit InputColumnsProduct(InputColumns w) : w_(std::move(w)) {}

  std::unique_ptr<Product> copy() const override {
    return std::make_unique<InputColumnsProduct>(*this);
  }
  void unpack(float* dense) const override {
    kernels::unpack(w_, dense);
  }
  size_t nbytes() const override {
    return bytes_of(w_.values);
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
  Range part(size_t part, size_t parts) const override {
    const size_t units = (w_.rows + unit_rows() - 1) / unit_rows();
    return kernels::even_range(units, part, parts);
  }
  /// Rows of a cache line.
  size_t unit_rows() const override {
    return 16;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    const Range range{
        std::min(part.begin * unit_rows(), w_.rows),
        std::min(part.end * unit_rows(), w_.rows)};
    for_each_input(
        call,
        w_.rows,
        w_.cols,
        [&](const ActiveInput* active, size_t count, float* y) {
          kernels::input_columns_product(
              w_, active, count, call.bias, range, y);
        });
  }

 private:
  InputColumns w_;
};

class BitmaskColumnsProduct final : public Product {
 public:
  explicit BitmaskColumnsProduct(BitmaskColumns w) : w_(std::move(w)) {}

  std::unique_ptr<Product> copy() const override {
    return std::make_unique<BitmaskColumnsProduct>(*this);
  }
  void unpack(float* dense) const override {
    kernels::unpack(w_, dense);
  }
  size_t nbytes() const override {
    return bytes_of(w_.mask, w_.values, w_.begins);
  }
  size_t stored() const override {
    return w_.values.size() - 16; // What stands behind them is padding.
  }
  size_t rows() const override {
    return w_.rows;
  }
  size_t cols() const override {
    return w_.cols;
  }
  Range part(size_t part, size_t parts) const override {
    return kernels::even_range(w_.tiles, part, parts);
  }
  size_t unit_rows() const override {
    return BitmaskColumns::kTileRows;
  }

 protected:
  void multiply(const ProductCall& call, Range part) const override {
    for_each_input(
        call,
        w_.rows,
        w_.cols,
        [&](const ActiveInput* active, size_t count, float* y) {
          kernels::bitmask_columns_product(
              w_, active, count, call.bias, part, y);
        });
  }

 private:
  BitmaskColumns w_;
};

} // namespace

std::unique_ptr<Product> make_column_product(
    PackedFormat format,
    const float* w,
    size_t rows,
    size_t cols) {
  if (format == PackedFormat::InputColumns) {
    return std::make_unique<InputColumnsProduct>(
        kernels::pack_input_columns(w, rows, cols));
  }
  return std::make_unique<BitmaskColumnsProduct>(
      kernels::pack_bitmask_columns(w, rows, cols));
}

} // namespace coppice::sparse
