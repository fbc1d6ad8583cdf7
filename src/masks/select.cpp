#include "coppice/masks/select.h"

#include <c10/util/Exception.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>

#include "masks/aten.h"
#include "masks/cpu.h"

namespace coppice {
namespace {

void check_alike(const std::vector<torch::Tensor>& scores) {
  for (const auto& tensor : scores) {
    masks::check_floating("drop_lowest_masks", tensor);
    TORCH_CHECK_VALUE(
        tensor.scalar_type() == scores[0].scalar_type() &&
            tensor.device() == scores[0].device(),
        "drop_lowest_masks: expected every tensor to be ",
        scores[0].scalar_type(),
        " on ",
        scores[0].device(),
        " like the first, got ",
        tensor.scalar_type(),
        " on ",
        tensor.device());
  }
}

} // namespace

int64_t blocks_to_drop(double level, int64_t blocks) {
  TORCH_CHECK_VALUE(
      !std::isnan(level),
      "blocks_to_drop: expected a number as sparsity level, got NaN");
  if (level >= 1 || blocks == 0) {
    return blocks;
  }
  // nearbyint rounds half to even, as Python's round does. Clamped first, as
  // -1e300 times blocks overflows int64_t.
  const auto rounded =
      static_cast<int64_t>(std::nearbyint(std::max(level, 0.0) * blocks));
  return std::min(rounded, blocks - 1);
}

torch::Tensor drop_lowest_mask(const torch::Tensor& scores, int64_t count) {
  masks::check_floating("drop_lowest_mask", scores);
  TORCH_CHECK_VALUE(
      0 <= count && count <= scores.numel(),
      "drop_lowest_mask: expected a count from 0 to ",
      scores.numel(),
      " (the number of scores), got ",
      count);
  const auto values = masks::scorable(scores);
  if (masks::has_fast_path(values)) {
    return masks::cpu::drop_lowest(
               values.contiguous(), count, kernels::Order::kValue)
        .result;
  }
  return masks::aten::drop_lowest(values, count);
}

std::vector<torch::Tensor> drop_lowest_masks(
    const std::vector<torch::Tensor>& scores,
    double level) {
  check_alike(scores);
  std::vector<torch::Tensor> flat;
  std::vector<int64_t> sizes;
  for (const auto& tensor : scores) {
    flat.push_back(tensor.detach().reshape(-1));
    sizes.push_back(tensor.numel());
  }
  if (flat.empty()) {
    return {};
  }
  const auto all = torch::cat(flat);
  auto pieces = drop_lowest_mask(all, blocks_to_drop(level, all.numel()))
                    .split_with_sizes(sizes);
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i] = pieces[i].reshape(scores[i].sizes());
  }
  return pieces;
}

} // namespace coppice
