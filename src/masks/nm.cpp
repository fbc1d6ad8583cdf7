#include "coppice/masks/nm.h"

#include <c10/util/Exception.h>

#include "coppice/masks/block.h"
#include "masks/grid.h"

namespace coppice {

torch::Tensor nm_mask(const torch::Tensor& scores, Nm pattern) {
  TORCH_CHECK_VALUE(
      0 < pattern.n && pattern.n <= pattern.m,
      "nm_mask: expected 0 < n <= m, got n=",
      pattern.n,
      ", m=",
      pattern.m);
  masks::check_matrix("nm_mask", scores);
  masks::check_floating("nm_mask", scores);
  return zeros_in_blocks_mask(scores, {1, pattern.m}, pattern.m - pattern.n);
}

} // namespace coppice
