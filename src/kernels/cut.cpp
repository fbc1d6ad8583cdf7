#include "kernels/cut.h"

#include <algorithm>

namespace coppice::kernels {

Cut find_cut(int32_t* keys, int64_t count, int64_t drop) {
  int32_t* const last = keys + (drop - 1);
  std::nth_element(keys, last, keys + count);
  const int32_t key = *last;
  const auto lower =
      std::count_if(keys, last, [key](int32_t k) { return k < key; });
  return {key, drop - lower};
}

} // namespace coppice::kernels
