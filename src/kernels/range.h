#pragma once

#include <cstddef>
#include <cstdint>

namespace coppice::kernels {

/// [begin, end), the share of one thread.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

/// Part `part` of `parts` of `count` rows. `begins`, [count + 1], are the
/// prefix sums of their stored weights. The parts tile [0, count) and have
/// about the same number of weights.
Range balanced_range(
    const uint64_t* begins,
    size_t count,
    size_t part,
    size_t parts);

/// The same for rows of equal cost.
Range even_range(size_t count, size_t part, size_t parts);

} // namespace coppice::kernels
