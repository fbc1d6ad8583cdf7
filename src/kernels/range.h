#pragma once

#include <cstddef>
#include <cstdint>

namespace coppice::kernels {

/// What one thread works on: [begin, end).
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

/// Part `part` of `parts` of `count` rows whose `begins`, [count + 1], say how
/// many stored weights precede each row. The parts tile [0, count) and hold
/// about equally many weights.
Range balanced_range(
    const uint64_t* begins,
    size_t count,
    size_t part,
    size_t parts);

/// The same for rows of equal cost.
Range even_range(size_t count, size_t part, size_t parts);

} // namespace coppice::kernels
