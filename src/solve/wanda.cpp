#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "coppice/solve/solvers.h"
#include "kernels/block_masks.h"
#include "kernels/input_scores.h"
#include "kernels/shared_pages.h"
#include "masks/grid.h"
#include "masks/row_pieces.h"
#include "solve/matrices.h"

namespace coppice {
namespace {

using torch::Tensor;

constexpr const char* kSolver = "solve_wanda";

/// The fewest elements worth a thread.
constexpr int64_t kElements = 1 << 16;

/// An uninitialised result in the shape of `like`.
Tensor buffer_like(const Tensor& like, torch::ScalarType dtype) {
  auto room = at::empty(like.sizes(), like.options().dtype(dtype));
  kernels::prefer_huge(room.data_ptr(), room.nbytes());
  return room;
}

/// One weight in float32 on the CPU, row by row.
class Rows {
 public:
  Rows(const Tensor& weight, const Tensor& scale, kernels::InputScore score)
      : weight_(weight), scale_(scale), score_(score) {}

  /// Mask and pruned weight for selections within a row: the data of a row
  /// stays in the cache.
  Solved prune_within(masks::RowPieces pieces) const {
    Solved solved{
        buffer_like(weight_, torch::kFloat),
        buffer_like(weight_, torch::kBool)};
    const int64_t cols = weight_.size(1);
    std::atomic<bool> finite{true};
    for_some([&](int64_t begin, int64_t end) {
      std::vector<float> scores(cols);
      for (int64_t r = begin; r < end; ++r) {
        if (!score(r, scores.data())) {
          finite = false;
        }
        kernels::zeros_in_blocks(
            scores.data(),
            1,
            cols,
            std::min(pieces.cols, cols),
            std::min(pieces.zeros, cols),
            kernels::Order::kValue,
            nullptr,
            row_of(solved.mask, r));
        keep(r, solved);
      }
    });
    solve::check_finite_weight(kSolver, finite);
    return solved;
  }

  Solved prune(const Selection& selection) const {
    const auto scores = buffer_like(weight_, torch::kFloat);
    std::atomic<bool> finite{true};
    for_some([&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        if (!score(r, scores.data_ptr<float>() + r * weight_.size(1))) {
          finite = false;
        }
      }
    });
    solve::check_finite_weight(kSolver, finite);
    // Scores are overwritten by the result after selection.
    Solved solved{scores, select_mask(scores, selection).contiguous()};
    for_some([&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        keep(r, solved);
      }
    });
    return solved;
  }

 private:
  template <class Body>
  void for_some(Body body) const {
    const auto grain = std::max<int64_t>(1, kElements / weight_.size(1));
    at::parallel_for(0, weight_.size(0), grain, body);
  }

  static uint8_t* row_of(const Tensor& mask, int64_t r) {
    return reinterpret_cast<uint8_t*>(mask.data_ptr<bool>()) + r * mask.size(1);
  }

  bool score(int64_t r, float* scores) const {
    const int64_t cols = weight_.size(1);
    return kernels::score_inputs(
        weight_.data_ptr<float>() + r * cols,
        scale_.data_ptr<float>(),
        cols,
        score_,
        scores);
  }

  void keep(int64_t r, const Solved& solved) const {
    const int64_t cols = weight_.size(1);
    const auto* const from = weight_.data_ptr<float>() + r * cols;
    auto* const to = solved.weight.data_ptr<float>() + r * cols;
    if (score_.zeros_lowest) {
      kernels::keep_weights_but_zeros(from, cols, row_of(solved.mask, r), to);
    } else {
      kernels::keep_weights(from, cols, row_of(solved.mask, r), to);
    }
  }

  const Tensor& weight_;
  const Tensor& scale_;
  kernels::InputScore score_;
};

/// The same through ATen's operators, in any dtype.
Solved prune_by_operators(
    const Tensor& matrix,
    const Tensor& scale,
    const Selection& selection,
    kernels::InputScore score) {
  solve::check_finite_weight(kSolver, matrix.isfinite().all().item<bool>());
  auto scores = matrix.abs().mul_(scale);
  if (score.squared) {
    scores.square_();
  }
  const auto zeros =
      matrix.eq(0).logical_and_(at::full({}, score.zeros_lowest, torch::kBool));
  const auto keep = select_mask(scores.masked_fill_(zeros, -1), selection)
                        .logical_and_(zeros.logical_not());
  return {matrix.masked_fill(keep.logical_not(), 0), keep};
}

Solved prune(
    const Tensor& matrix,
    const Tensor& scale,
    const Selection& selection,
    kernels::InputScore score) {
  if (!masks::has_fast_path(matrix)) {
    return prune_by_operators(matrix, scale, selection, score);
  }
  const Rows rows(matrix, scale, score);
  const auto pieces = masks::row_pieces(kSolver, selection, matrix.size(1));
  return pieces ? rows.prune_within(*pieces) : rows.prune(selection);
}

} // namespace

Solved solve_wanda(
    const Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const WandaOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto matrix = solve::view_of(kSolver, weight, moments);
  const auto diagonal = solve::diagonal_of(kSolver, moments);
  kernels::InputScore score;
  score.squared = std::holds_alternative<BlockShape>(selection.pattern());
  score.zeros_lowest = options.preserve_zeros();
  auto solved = prune(
      matrix,
      diagonal.clamp_min(0).sqrt().to(matrix.scalar_type()).contiguous(),
      selection,
      score);
  solved.weight =
      solved.weight.reshape(weight.sizes()).to(weight.scalar_type());
  solved.mask = solved.mask.reshape(weight.sizes());
  solved.dead_inputs = diagonal.eq(0).sum().item<int64_t>();
  return solved;
}

} // namespace coppice
