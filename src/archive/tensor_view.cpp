#include "archive/tensor_view.h"

#include <algorithm>
#include <utility>

namespace coppice::archive {

std::optional<uint64_t> view_extent(
    const std::vector<int64_t>& shape,
    const std::vector<int64_t>& strides) {
  int64_t last = 0;
  int64_t count = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    // An empty axis is counted as one: the product of the others must not
    // overflow either.
    const int64_t size = std::max<int64_t>(1, shape[i]);
    int64_t step = 0;
    if (__builtin_mul_overflow(count, size, &count) ||
        __builtin_mul_overflow(size - 1, strides[i], &step) ||
        __builtin_add_overflow(last, step, &last)) {
      return std::nullopt;
    }
  }
  const bool is_empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  return is_empty ? 0 : static_cast<uint64_t>(last) + 1;
}

bool is_injective(
    const std::vector<int64_t>& shape,
    const std::vector<int64_t>& strides) {
  std::vector<std::pair<int64_t, int64_t>> axes; // Stride and size.
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) {
      return true;
    }
    if (shape[i] > 1) {
      axes.emplace_back(strides[i], shape[i]);
    }
  }
  std::sort(axes.begin(), axes.end());
  int64_t reach = 0;
  for (const auto& [stride, size] : axes) {
    if (stride <= reach) {
      return false;
    }
    reach += stride * (size - 1); // Overflow: see view_extent.
  }
  return true;
}

} // namespace coppice::archive
