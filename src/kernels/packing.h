#pragma once

#include <cstddef>
#include <functional>

#include "kernels/range.h"
#include "kernels/values.h"

namespace coppice::kernels {

/// Calls the body with ranges that tile [0, count), each on any thread, and
/// returns when all are done.
using ForEachRange =
    std::function<void(size_t count, const std::function<void(Range)>& body)>;

/// How a weight is packed.
struct Packing {
  Dtype dtype = Dtype::Float32;

  /// Shares out what packing does. However it does, the packed weight has the
  /// same bytes.
  ForEachRange for_each_range = [](size_t count,
                                   const std::function<void(Range)>& body) {
    body({0, count});
  };
};

} // namespace coppice::kernels
