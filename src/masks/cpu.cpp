#include "masks/cpu.h"

#include <ATen/Parallel.h>
#include <sys/mman.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "coppice/kernels/block_masks.h"
#include "coppice/kernels/count.h"
#include "coppice/kernels/select.h"
#include "coppice/masks/select.h"
#include "masks/cut.h"
#include "masks/ranges.h"

namespace coppice::masks::cpu {
namespace {

/// Blocks that stand side by side: the unit that a kernel takes.
struct Strip {
  int64_t element; ///< Index of its first element in the matrix.
  int64_t block;   ///< Index of its first block.
  int64_t rows;
  int64_t width;
};

/// Calls `body(strip)` for pieces of one row of blocks that fit into the cache
/// of a core.
template <class Body>
void for_each_piece(const Strip& row, int64_t cols, Body body) {
  const int64_t step = std::max<int64_t>(1, kPiece / cols);
  const int64_t blocks = row.width / cols;
  for (int64_t begin = 0; begin < blocks; begin += step) {
    const int64_t end = std::min(begin + step, blocks);
    body(Strip{
        row.element + begin * cols,
        row.block + begin,
        1,
        (end - begin) * cols});
  }
}

/// Calls `body(strip)` in parallel for strips that cover `grid`, after
/// `before_scoring` for the elements of the strip.
template <class Body>
void for_each_strip(
    const Grid& grid,
    const BeforeScoring& before_scoring,
    Body body) {
  const auto visit = [&](const Strip& strip) {
    if (before_scoring) {
      before_scoring(strip.element, strip.element + strip.rows * strip.width);
    }
    body(strip);
  };
  if (grid.rows == 1 && grid.w % grid.cols == 0) {
    // Blocks do not see where a row ends: the matrix is one long row of them.
    const int64_t grain = std::max<int64_t>(1, kGrain / grid.cols);
    at::parallel_for(0, grid.blocks(), grain, [&](int64_t begin, int64_t end) {
      const Strip row{begin * grid.cols, begin, 1, (end - begin) * grid.cols};
      for_each_piece(row, grid.cols, visit);
    });
    return;
  }
  const int64_t stripe = grid.rows * grid.w;
  const int64_t grain = std::max<int64_t>(1, kGrain / stripe);
  at::parallel_for(
      0, grid.block_rows(), grain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          const int64_t rows = std::min(grid.rows, grid.h - r * grid.rows);
          visit(Strip{r * stripe, r * grid.block_cols(), rows, grid.w});
        }
      });
}

/// Asks for huge pages: a new mask is written once from end to end, and the
/// faults of small pages would cost more than computing it.
void advise_huge_pages([[maybe_unused]] const torch::Tensor& tensor) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t kPage = 4096;
  constexpr size_t kWorthwhile = size_t(4) << 20;
  const auto begin = reinterpret_cast<uintptr_t>(tensor.data_ptr());
  const auto first_page = (begin + kPage - 1) / kPage * kPage;
  if (tensor.nbytes() >= kWorthwhile) {
    // Advice: where it cannot be followed, small pages do.
    madvise(
        reinterpret_cast<void*>(first_page),
        begin + tensor.nbytes() - first_page,
        MADV_HUGEPAGE);
  }
#endif
}

torch::Tensor empty_mask(
    torch::IntArrayRef shape,
    const torch::Tensor& room = {}) {
  if (room.defined() && room.scalar_type() == torch::kBool &&
      room.is_contiguous() && room.device().is_cpu() &&
      room.numel() >= c10::multiply_integers(shape)) {
    return room.resize_(shape);
  }
  auto mask = torch::empty(shape, torch::kBool);
  advise_huge_pages(mask);
  return mask;
}

uint8_t* bytes_of(const torch::Tensor& mask) {
  return reinterpret_cast<uint8_t*>(mask.data_ptr<bool>());
}

/// Keeps the ties that `cut` does not drop. `ties` holds their number in each
/// of the ranges.
void keep_spared_ties(
    const float* values,
    const Ranges& ranges,
    const std::vector<int64_t>& ties,
    const Cut& cut,
    kernels::Order order,
    uint8_t* mask) {
  std::vector<int64_t> dropped(ties.size());
  int64_t left = cut.ties;
  for (size_t i = 0; i < ties.size(); ++i) {
    dropped[i] = std::min(left, ties[i]);
    left -= dropped[i];
  }
  ranges.for_each([&](int64_t i, int64_t begin, int64_t end) {
    if (dropped[i] < ties[i]) {
      kernels::keep_ties(
          values + begin,
          end - begin,
          order,
          cut.key,
          dropped[i],
          mask + begin);
    }
  });
}

/// Writes the mask of `cut`.
void write_mask(
    const float* values,
    int64_t count,
    const Cut& cut,
    kernels::Order order,
    uint8_t* mask) {
  const Ranges ranges(count);
  std::vector<int64_t> ties(ranges.size());
  ranges.for_each([&](int64_t i, int64_t begin, int64_t end) {
    ties[i] = kernels::keep_above(
        values + begin, end - begin, order, cut.key, mask + begin);
  });
  int64_t all_ties = 0;
  for (const int64_t t : ties) {
    all_ties += t;
  }
  if (all_ties > cut.ties) {
    keep_spared_ties(values, ranges, ties, cut, order, mask);
  }
}

/// Writes the score of every block. Returns whether every value is finite.
bool score_blocks(
    const torch::Tensor& matrix,
    const Grid& grid,
    kernels::Measure measure,
    const BeforeScoring& before_scoring,
    const torch::Tensor& scores) {
  const float* const from = matrix.data_ptr<float>();
  float* const to = scores.data_ptr<float>();
  std::atomic<bool> finite{true};
  for_each_strip(grid, before_scoring, [&](const Strip& strip) {
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
  for_each_strip(grid, {}, [&](const Strip& strip) {
    kernels::expand_blocks(
        from + strip.block,
        strip.rows,
        strip.width,
        grid.cols,
        to + strip.element);
  });
}

/// Writes the mask; blocks that `block_mask` keeps lose nothing, null keeps
/// none. Returns whether every value is finite.
bool drop_in_blocks(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t zeros,
    kernels::Order order,
    const BeforeScoring& before_scoring,
    const uint8_t* block_mask,
    const torch::Tensor& mask) {
  const float* const from = matrix.data_ptr<float>();
  uint8_t* const to = bytes_of(mask);
  std::atomic<bool> finite{true};
  for_each_strip(grid, before_scoring, [&](const Strip& strip) {
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

/// Whether a mask can be computed in pieces and compared with `present`: blocks
/// of one row that no row cuts off, and small ones.
bool can_compare(const Grid& grid, const torch::Tensor& present) {
  return present.defined() && present.scalar_type() == torch::kBool &&
      present.device().is_cpu() && present.is_contiguous() &&
      present.numel() == grid.h * grid.w && grid.rows == 1 &&
      grid.w % grid.cols == 0 && grid.cols <= kPiece;
}

/// `drop_in_blocks` that compares every piece with the mask in force while both
/// lie in the cache. Where nothing differs, as at every step of a fixed N:M
/// pattern but the first, `mask` is not written, which would take a third of
/// the time, and where that is plain to see, it is not computed.
Checked zeros_or_present(
    const torch::Tensor& matrix,
    const Grid& grid,
    int64_t zeros,
    kernels::Order order,
    const BeforeScoring& before_scoring,
    const torch::Tensor& present,
    const torch::Tensor& mask) {
  const int64_t count = matrix.numel();
  const int64_t length = kPiece / grid.cols * grid.cols;
  const int64_t pieces = (count + length - 1) / length;
  const float* const from = matrix.data_ptr<float>();
  const uint8_t* const before = bytes_of(present);
  uint8_t* const to = bytes_of(mask);
  std::vector<char> differs(pieces);
  std::atomic<bool> finite{true};
  at::parallel_for(
      0, pieces, kGrain / length, [&](int64_t first, int64_t last) {
        uint8_t fresh[kPiece];
        for (int64_t i = first; i < last; ++i) {
          const int64_t begin = i * length;
          const int64_t size = std::min(length, count - begin);
          // What is settled whole is settled with the first piece.
          if (i > 0 && grid.cols == 4 && order == kernels::Order::kMagnitude &&
              kernels::settled_in_fours(
                  from + begin, before + begin, size, zeros)) {
            continue;
          }
          if (before_scoring) {
            before_scoring(begin, begin + size);
          }
          if (!kernels::zeros_in_blocks(
                  from + begin,
                  1,
                  size,
                  grid.cols,
                  zeros,
                  order,
                  nullptr,
                  fresh)) {
            finite = false;
          }
          if (std::memcmp(fresh, before + begin, size) != 0) {
            differs[i] = true;
            std::memcpy(to + begin, fresh, size);
          }
        }
      });
  if (std::find(differs.begin(), differs.end(), true) == differs.end()) {
    return {present, finite};
  }
  for (int64_t i = 0; i < pieces; ++i) {
    if (!differs[i]) {
      const int64_t begin = i * length;
      std::memcpy(to + begin, before + begin, std::min(length, count - begin));
    }
  }
  return {mask, finite};
}

/// Room for the scores of all blocks: the memory of `mask`, where they fit,
/// which is written only when they are no longer needed. The system clears
/// every page of fresh memory, which takes longer than scoring.
torch::Tensor room_for_scores(const torch::Tensor& mask, const Grid& grid) {
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
  const bool finite = score_blocks(matrix, grid, measure, {}, scores);
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
    const BeforeScoring& before_scoring,
    const Earlier& earlier) {
  auto mask = empty_mask({grid.h, grid.w}, earlier.room);
  if (can_compare(grid, earlier.present)) {
    return zeros_or_present(
        matrix, grid, zeros, order, before_scoring, earlier.present, mask);
  }
  const bool finite =
      drop_in_blocks(matrix, grid, zeros, order, before_scoring, nullptr, mask);
  return {mask, finite};
}

Checked drop_lowest(
    const torch::Tensor& scores,
    int64_t count,
    kernels::Order order,
    const BeforeScoring& before_scoring,
    const Earlier& earlier) {
  if (count == 0) {
    if (before_scoring) {
      before_scoring(0, scores.numel());
    }
    return {torch::ones(scores.sizes(), torch::kBool), all_finite(scores)};
  }
  const float* const values = scores.data_ptr<float>();
  const Cut cut =
      find_cut(values, scores.numel(), count, order, before_scoring);
  auto mask = empty_mask(scores.sizes(), earlier.room);
  write_mask(values, scores.numel(), cut, order, bytes_of(mask));
  return {mask, cut.finite};
}

Checked weight_norm(
    const torch::Tensor& matrix,
    const Grid& grid,
    const WeightNormPattern& pattern,
    const Ranking& ranking,
    const BeforeScoring& before_scoring,
    const Earlier& earlier) {
  const int64_t zeros = std::min(pattern.zeros_per_block, grid.block_size());
  if (pattern.sparsity_level >= 1) {
    return zeros_in_blocks(
        matrix, grid, zeros, ranking.order, before_scoring, earlier);
  }
  const int64_t drop = blocks_to_drop(pattern.sparsity_level, grid.blocks());
  if (grid.block_size() == 1) {
    return drop_lowest(matrix, drop, ranking.order, before_scoring, earlier);
  }
  auto mask = empty_mask({grid.h, grid.w}, earlier.room);
  const auto scores = room_for_scores(mask, grid);
  const bool finite =
      score_blocks(matrix, grid, ranking.measure, before_scoring, scores);
  if (!finite && ranking.order == kernels::Order::kMagnitude) {
    return {{}, false};
  }
  const auto block_mask = drop_lowest(scores, drop, ranking.order).result;
  if (drops_whole_blocks(pattern)) {
    expand_blocks_into(mask, block_mask, grid);
  } else {
    drop_in_blocks(
        matrix, grid, zeros, ranking.order, {}, bytes_of(block_mask), mask);
  }
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
