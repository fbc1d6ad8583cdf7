#pragma once

#include <cstddef>
#include <functional>

#include "kernels/range.h"
#include "kernels/values.h"

namespace coppice::kernels {

/// Calls the body with ranges that tile [0, count), on any threads, and returns
/// when all are done.
using ForEachRange =
    std::function<void(size_t count, const std::function<void(Range)>& body)>;

/// How a weight is packed.
struct Packing {
  Dtype dtype = Dtype::Float32;

  /// Divides the work among threads. The packed bytes do not depend on it.
  ForEachRange for_each_range = [](size_t count,
                                   const std::function<void(Range)>& body) {
    body({0, count});
  };
};

} // namespace coppice::kernels
