#pragma once

#include <cstddef>
#include <variant>

#include "kernels/bfloat16.h"
#include "kernels/buffer.h"

namespace coppice::kernels {

/// The type in which a format stores weights. Products and sums are float32
/// with either. BFloat16 halves the memory traffic, which is what limits a
/// single input.
enum class Dtype { Float32, BFloat16 };

/// The stored weights of a format, contiguous.
class Values {
 public:
  Values() = default;

  /// `count` values, uninitialized.
  Values(Dtype dtype, size_t count) {
    if (dtype == Dtype::BFloat16) {
      buffer_ = Buffer<BFloat16>(count);
    } else {
      buffer_ = Buffer<float>(count);
    }
  }

  Dtype dtype() const {
    return buffer_.index() == 1 ? Dtype::BFloat16 : Dtype::Float32;
  }

  size_t size() const {
    return std::visit([](const auto& b) { return b.size(); }, buffer_);
  }

  size_t nbytes() const {
    return size() *
        (dtype() == Dtype::BFloat16 ? sizeof(BFloat16) : sizeof(float));
  }

  /// Calls `body` with a pointer to the first value, float or BFloat16.
  template <class Body>
  void visit(Body body) const {
    std::visit([&](const auto& b) { body(b.data()); }, buffer_);
  }
  template <class Body>
  void visit(Body body) {
    std::visit([&](auto& b) { body(b.data()); }, buffer_);
  }

 private:
  std::variant<Buffer<float>, Buffer<BFloat16>> buffer_;
};

} // namespace coppice::kernels
