#include "sparse/product.h"

#include <algorithm>

#include "sparse/parts.h"

namespace coppice::sparse {
namespace {

/// The packing options for a weight of that many elements.
kernels::Packing packing_of(torch::ScalarType dtype, size_t elements) {
  kernels::Packing packing;
  packing.dtype = dtype == torch::kBFloat16 ? kernels::Dtype::BFloat16
                                            : kernels::Dtype::Float32;
  constexpr double kElement = 1; // Nanoseconds an element.
  const size_t parts = threads_for(kElement * elements);
  packing.for_each_range = [parts](size_t count, const auto& body) {
    for_each_part(parts, [&](size_t part) {
      body(kernels::even_range(count, part, parts));
    });
  };
  return packing;
}

} // namespace

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
    const PackedWeightOptions& options,
    const float* w,
    size_t rows,
    size_t cols) {
  const auto& traits = traits_of(options.format());
  ToPack weight;
  weight.w = w;
  weight.rows = rows;
  weight.cols = cols;
  weight.block = traits.block;
  weight.batch = static_cast<size_t>(options.batch());
  weight.packing = packing_of(options.dtype(), rows * cols);
  return traits.make(weight);
}

} // namespace coppice::sparse
