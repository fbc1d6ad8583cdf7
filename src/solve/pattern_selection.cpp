#include "solve/pattern_selection.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace coppice::solve {

bool is_nm(const WeightNormPattern& pattern) {
  return pattern.sparsity_level >= 1 && pattern.sparse_block_shape.rows == 1 &&
      pattern.zeros_per_block < pattern.sparse_block_shape.cols;
}

Selection selection_of(
    const std::string& method,
    const WeightNormPattern& pattern) {
  const auto block = pattern.sparse_block_shape;
  if (is_nm(pattern)) {
    return Nm{block.cols - pattern.zeros_per_block, block.cols};
  }
  TORCH_CHECK_VALUE(
      pattern.zeros_per_block == block.size(),
      method,
      " has no pattern of ",
      pattern.zeros_per_block,
      " zeros in some of the blocks ",
      to_string(block),
      "; give N:M or whole blocks, or prune by magnitude");
  auto selection = block.size() == 1 ? Selection() : Selection(block);
  selection.sparsity(std::clamp(pattern.sparsity_level, 0.0, 1.0));
  return selection;
}

} // namespace coppice::solve
