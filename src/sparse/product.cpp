#include "sparse/product.h"

#include <algorithm>

namespace coppice::sparse {

bool Product::takes_tiles(size_t /*batch*/) const {
  return false;
}

void Product::run(const ProductCall& call, kernels::Range part) const {
  multiply(call, part);
  if (!call.relu) {
    return;
  }
  const size_t begin = std::min(part.begin * unit_rows(), rows());
  const size_t end = std::min(part.end * unit_rows(), rows());
  for (size_t n = 0; n < call.batch; ++n) {
    float* y = call.y + n * rows();
    for (size_t r = begin; r < end; ++r) {
      y[r] = y[r] < 0 ? 0 : y[r]; // NaN stays.
    }
  }
}

std::unique_ptr<Product> make_product(
    PackedFormat format,
    const float* w,
    size_t rows,
    size_t cols,
    size_t batch) {
  switch (format) {
    case PackedFormat::PatternPanels:
    case PackedFormat::SortedRows:
    case PackedFormat::OutputBlocks4:
    case PackedFormat::OutputBlocks8:
    case PackedFormat::OutputBlocks16:
      return make_batch_product(format, w, rows, cols, batch);
    case PackedFormat::InputColumns:
    case PackedFormat::BitmaskColumns:
      return make_column_product(format, w, rows, cols);
    default:
      return make_row_product(format, w, rows, cols);
  }
}

} // namespace coppice::sparse
