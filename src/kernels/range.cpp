#include "kernels/range.h"

namespace coppice::kernels {
namespace {

/// The overhead of a row, in weights.
constexpr uint64_t kRowCost = 16;

/// The first row with at least `part` / `parts` of the cost before it.
size_t
boundary(const uint64_t* begins, size_t count, size_t part, size_t parts) {
  const auto cost = [&](size_t row) {
    return begins[row] - begins[0] + row * kRowCost;
  };
  // Divided first: the product could overflow.
  const uint64_t total = cost(count);
  const uint64_t wanted = total / parts * part + total % parts * part / parts;
  size_t low = 0;
  size_t high = count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (cost(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

} // namespace

Range balanced_range(
    const uint64_t* begins,
    size_t count,
    size_t part,
    size_t parts) {
  return {
      boundary(begins, count, part, parts),
      boundary(begins, count, part + 1, parts)};
}

Range even_range(size_t count, size_t part, size_t parts) {
  const auto begin = [&](size_t p) {
    return count / parts * p + count % parts * p / parts;
  };
  return {begin(part), begin(part + 1)};
}

} // namespace coppice::kernels
