#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "kernels/transpose.h"
#include "support/products.h"

namespace coppice::testing {

/// A product over a batch in `parts` parts, each with scratch of its own;
/// `multiply(part, transposed, scratch, y)` does one. x and y lie unaligned.
template <class Multiply>
std::vector<float> product_in_parts(
    const Problem& p,
    size_t parts,
    size_t scratch_size,
    Multiply multiply) {
  std::vector<float> transposed(
      kernels::transposed_size(p.batch, p.cols) + 1, NAN);
  std::vector<float> y(p.batch * p.rows + 1, NAN);
  for (size_t part = 0; part < parts; ++part) {
    kernels::transpose_batch(
        p.x.data(),
        p.batch,
        p.cols,
        kernels::even_range(p.cols, part, parts),
        transposed.data() + 1);
  }
  for (size_t part = 0; part < parts; ++part) {
    std::vector<float> scratch(scratch_size + 1, NAN);
    multiply(part, transposed.data() + 1, scratch.data() + 1, y.data() + 1);
  }
  y.erase(y.begin());
  return y;
}

} // namespace coppice::testing
