#include "masks/cpu.h"

#include <ATen/Parallel.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "coppice/masks/select.h"
#include "kernels/block_masks.h"
#include "kernels/count.h"
#include "kernels/select.h"
#include "masks/cut.h"
#include "masks/mask_writer.h"
#include "masks/norm_mask.h"
#include "masks/one_pass.h"
#include "masks/ranges.h"
#include "masks/strips.h"

namespace coppice::masks::cpu {
namespace {

/// Writes the score of every block. Returns whether all values are finite.
bool score_blocks(
    const torch::Tensor& matrix,
    const Grid& grid,
    kernels::Measure measure,
    const MaskedWeight* masked,
    const torch::Tensor& scores) {
  const float* const from = matrix.data_ptr<float>();
  float* const to = scores.data_ptr<float>();
  std::atomic<bool> finite{true};
  for_each_strip(grid, masked, [&](const Strip& strip) {
    if (!kernels::block_scores(
            from + strip.element,
            strip.rows,
            strip.width,
            grid.cols,
            measure,
            to + strip.block)) {
      finite = false;
    }
  });
  return finite;
}

void expand_blocks_into(
    const torch::Tensor& mask,
    const torch::Tensor& block_mask,
    const Grid& grid) {
  const uint8_t* const from = bytes_of(block_mask);
  uint8_t* const to = bytes_of(mask);
  for_each_strip(grid, nullptr, [&](const Strip& strip) {
    kernels::expand_blocks(
        from + strip.block,
        strip.rows,
        strip.width,
        grid.cols,
        to + strip.element);
  });
}

/// Expands `block_mask` into `mask`; returns the mask of `masked` if it is
/// equal.
torch::Tensor expand_or_reuse(
    const torch::Tensor& mask,
    const torch::Tensor& block_mask,
    const Grid& grid,
    const MaskedWeight* masked) {
  MaskWriter writer(mask, masked, grid.rows * grid.w);
  const uint8_t* const from = bytes_of(block_mask);
  const int64_t grain = std::max<int64_t>(1, kGrain / (grid.rows * grid.w));
  at::parallel_for(0, writer.pieces(), grain, [&](int64_t first, int64_t last) {
    std::vector<uint8_t> fresh(grid.rows * grid.w);
    for (int64_t i = first; i < last; ++i) {
      kernels::expand_blocks(
          from + i * grid.block_cols(),
          writer.size(i) / grid.w,
          grid.w,
          grid.cols,
          fresh.data());
      writer.set(i, fresh.data());
    }
  });
  return writer.finish();
}

/// Drops the lowest elements of the blocks that `block_mask` drops; null drops
/// in all. Returns whether all values are finite.
bool drop_in_blocks(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t zeros,
    kernels::Order order,
    const MaskedWeight* masked,
    const uint8_t* block_mask,
    const torch::Tensor& mask) {
  const float* const from = matrix.data_ptr<float>();
  uint8_t* const to = bytes_of(mask);
  std::atomic<bool> finite{true};
  for_each_strip(grid, masked, [&](const Strip& strip) {
    if (!kernels::zeros_in_blocks(
            from + strip.element,
            strip.rows,
            strip.width,
            grid.cols,
            zeros,
            order,
            block_mask ? block_mask + strip.block : nullptr,
            to + strip.element)) {
      finite = false;
    }
  });
  return finite;
}

/// `drop_in_blocks` for one row of small blocks. Skips pieces where a quick
/// check shows that the current mask still holds.
Checked zeros_or_reuse(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t zeros,
    kernels::Order order,
    const MaskedWeight* masked) {
  const int64_t length = kPiece / grid.cols * grid.cols;
  const bool fours = grid.cols == 4 && order == kernels::Order::kMagnitude;
  const float* const from = matrix.data_ptr<float>();
  MaskWriter writer(empty_mask({grid.h, grid.w}, masked), masked, length);
  std::atomic<bool> finite{true};
  const auto renew = [&](int64_t i, uint8_t* fresh) {
    const float* const values = from + writer.begin(i);
    const int64_t size = writer.size(i);
    if (fours && masked &&
        kernels::mask_holds_in_fours(values, writer.current(i), size, zeros)) {
      return;
    }
    if (masked) {
      masked->absorb_writes(writer.begin(i), writer.begin(i) + size);
    }
    if (!kernels::zeros_in_blocks(
            values, 1, size, grid.cols, zeros, order, nullptr, fresh)) {
      finite = false;
    }
    writer.set(i, fresh);
  };
  at::parallel_for(
      0, writer.pieces(), kGrain / length, [&](int64_t first, int64_t last) {
        uint8_t fresh[kPiece];
        for (int64_t i = first; i < last; ++i) {
          renew(i, fresh);
        }
      });
  return {writer.finish(), finite};
}

/// A buffer for the scores of all blocks: the memory of `mask` if it is large
/// enough, as the mask is written once the scores are no longer needed. Page
/// faults of new memory take longer than scoring.
torch::Tensor score_buffer(const torch::Tensor& mask, const Grid& grid) {
  const int64_t bytes = grid.blocks() * static_cast<int64_t>(sizeof(float));
  if (bytes > mask.numel()) {
    return torch::empty({grid.block_rows(), grid.block_cols()});
  }
  return torch::from_blob(
      mask.data_ptr(), {grid.block_rows(), grid.block_cols()}, torch::kFloat);
}

} // namespace

Checked block_scores(
    const torch::Tensor& matrix,
    const Grid& grid,
    kernels::Measure measure) {
  auto scores = torch::empty({grid.block_rows(), grid.block_cols()});
  const bool finite = score_blocks(matrix, grid, measure, nullptr, scores);
  return {scores, finite};
}

torch::Tensor expand_blocks(const torch::Tensor& block_mask, const Grid& grid) {
  auto mask = empty_mask({grid.h, grid.w});
  expand_blocks_into(mask, block_mask, grid);
  return mask;
}

Checked zeros_in_blocks(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t zeros,
    kernels::Order order,
    const MaskedWeight* masked) {
  if (is_one_row(grid) && grid.cols <= kPiece) {
    return zeros_or_reuse(matrix, grid, zeros, order, masked);
  }
  const auto mask = empty_mask({grid.h, grid.w}, masked);
  const bool finite =
      drop_in_blocks(matrix, grid, zeros, order, masked, nullptr, mask);
  return {mask, finite};
}

Checked drop_lowest(
    const torch::Tensor& scores,
    int64_t count,
    kernels::Order order,
    const MaskedWeight* masked) {
  if (count == 0) {
    if (masked) {
      masked->absorb_writes();
    }
    return {torch::ones(scores.sizes(), torch::kBool), all_finite(scores)};
  }
  const float* const values = scores.data_ptr<float>();
  const auto found = find_cut(values, scores.numel(), count, order, masked);
  auto mask = empty_mask(scores.sizes(), masked);
  write_mask(values, scores.numel(), found.cut, order, bytes_of(mask));
  return {mask, found.finite};
}

Checked weight_norm(
    const torch::Tensor& matrix,
    const Grid& grid,
    const WeightNormPattern& pattern,
    const Criterion& criterion,
    const MaskedWeight* masked) {
  const int64_t zeros = std::min(pattern.zeros_per_block, grid.block_size());
  if (pattern.sparsity_level >= 1) {
    return zeros_in_blocks(matrix, grid, zeros, criterion.order, masked);
  }
  const int64_t drop = blocks_to_drop(pattern.sparsity_level, grid.blocks());
  const bool whole = drops_whole_blocks(pattern);
  if (whole && drop > 0 && criterion.order == kernels::Order::kMagnitude) {
    auto mask = mask_in_one_pass(matrix, grid, drop, criterion.measure, masked);
    if (mask) {
      return *mask;
    }
  }
  if (grid.block_size() == 1) {
    return drop_lowest(matrix, drop, criterion.order, masked);
  }
  const auto mask = empty_mask({grid.h, grid.w}, masked);
  const auto scores = score_buffer(mask, grid);
  const bool finite =
      score_blocks(matrix, grid, criterion.measure, masked, scores);
  if (!finite && criterion.order == kernels::Order::kMagnitude) {
    return {{}, false};
  }
  const auto block_mask = drop_lowest(scores, drop, criterion.order).result;
  if (whole) {
    return {expand_or_reuse(mask, block_mask, grid, masked), finite};
  }
  drop_in_blocks(
      matrix,
      grid,
      zeros,
      criterion.order,
      nullptr,
      bytes_of(block_mask),
      mask);
  return {mask, finite};
}

int64_t count_zeros(const torch::Tensor& values) {
  const float* const from = values.data_ptr<float>();
  std::atomic<int64_t> zeros{0};
  Ranges(values.numel()).for_each([&](int64_t, int64_t begin, int64_t end) {
    zeros += kernels::count_zeros(from + begin, end - begin);
  });
  return zeros;
}

bool all_finite(const torch::Tensor& values) {
  const float* const from = values.data_ptr<float>();
  std::atomic<bool> finite{true};
  Ranges(values.numel()).for_each([&](int64_t, int64_t begin, int64_t end) {
    if (!kernels::all_finite(from + begin, end - begin)) {
      finite = false;
    }
  });
  return finite;
}

} // namespace coppice::masks::cpu
