#pragma once

#include <memory>
#include <utility>

#include "sparse/packed_bytes.h"
#include "sparse/product.h"

namespace coppice::sparse {

/// A product with a weight packed by `kernels/`: the code common to all
/// formats. `Self` is the derived class (CRTP).
template <class Self, class Packed>
class PackedProduct : public Product {
 public:
  explicit PackedProduct(Packed w) : w_(std::move(w)) {}

  std::unique_ptr<Product> copy() const final {
    return std::make_unique<Self>(w_);
  }
  void to_dense(float* dense) const final {
    unpack(w_, dense);
  }
  size_t rows() const final {
    return w_.rows;
  }
  size_t cols() const final {
    return w_.cols;
  }

 protected:
  Packed w_;
};

} // namespace coppice::sparse
