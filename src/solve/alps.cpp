#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>
#include <optional>

#include "coppice/solve/solvers.h"
#include "kernels/admm.h"
#include "solve/conjugate_gradients.h"
#include "solve/factors.h"
#include "solve/matrices.h"
#include "solve/products.h"

namespace coppice {
namespace {

using torch::Tensor;

// The constants of the published code.
constexpr double kFirstPenalty = 0.1;
constexpr double kMostPenalty = 1e6;
constexpr int64_t kStepsPerPenalty = 3;
constexpr int64_t kFewestSteps = 30;
constexpr double kStable = 3e-4;

/// The weight scaled so that every input has the second moment 1.
struct Problem {
  Tensor moments; ///< Of the scaled inputs.
  Tensor scale;   ///< [features]: inputs were divided by it.
  Tensor weight;  ///< [out, features], times the scale.
  Tensor right;   ///< weight times moments.
};

/// Nothing if the moments are not positive definite with that dampening.
std::optional<Problem>
scaled(const Tensor& weight, const Tensor& gram, double dampening) {
  auto moments = gram.clone();
  auto diagonal = moments.diagonal();
  diagonal.add_(dampening * diagonal.mean().item<double>());
  if (!diagonal.gt(0).all().item<bool>()) {
    return std::nullopt;
  }
  const auto scale = diagonal.sqrt().add_(1e-8);
  const auto dtype = weight.scalar_type();
  Problem problem;
  problem.moments = moments.div_(scale).div_(scale.unsqueeze(1)).to(dtype);
  if (!solve::is_definite(problem.moments)) {
    return std::nullopt;
  }
  problem.scale = scale.to(dtype);
  problem.weight = weight * problem.scale;
  problem.right = solve::product(problem.weight, problem.moments);
  return problem;
}

/// (moments + penalty I)^-1
Tensor inverse_of(const Problem& problem, double penalty) {
  for (const auto dtype : {problem.moments.scalar_type(), torch::kDouble}) {
    auto matrix = problem.moments.to(dtype).clone();
    matrix.diagonal().add_(penalty);
    const auto inverse = solve::positive_inverse(matrix);
    if (inverse.defined()) {
      return inverse.to(problem.moments.scalar_type());
    }
  }
  TORCH_CHECK_VALUE(
      false,
      "solve_alps: the second moments are nearly singular with this dampening; "
      "raise it");
}

/// The search for the mask (ADMM): one copy of the weight minimises the output
/// error, another obeys the selection, and a dual variable ties them.
class Search {
 public:
  Search(
      const Problem& problem,
      const Selection& selection,
      const ALPSOptions& options,
      const Tensor& zeros)
      : problem_(problem), selection_(selection), zeros_(zeros) {
    most_steps_ = options.max_steps();
    kept_count_ =
        (1 - selection.share()) * static_cast<double>(problem.weight.numel());
  }

  /// Returns the copy that minimises the output error.
  Tensor run() {
    start();
    Tensor before = keep_;
    auto inverse = inverse_of(problem_, penalty_);
    for (int64_t step = 0; step < most_steps_; ++step) {
      take_step(inverse);
      if ((step + 1) % kStepsPerPenalty != 0) {
        continue;
      }
      const auto now = keep_;
      const auto changed =
          static_cast<double>(now.ne(before).sum().item<int64_t>());
      const double penalty = penalty_;
      if (!adjust_penalty(changed) ||
          (step >= kFewestSteps && changed / kept_count_ < kStable)) {
        break;
      }
      before = now;
      if (penalty != penalty_) {
        // The dual variable does not change.
        ratio_ = penalty / penalty_;
        inverse = inverse_of(problem_, penalty_);
      }
    }
    return fitted_;
  }

  /// The mask that the selection gives a matrix.
  Tensor keep_of(const Tensor& matrix) const {
    return keep_by(matrix.square());
  }

 private:
  void start() {
    fitted_ = problem_.weight.clone();
    keep_ = keep_of(problem_.weight).contiguous();
    // The dual variable starts at 0.
    wanted_ = problem_.weight.masked_fill(keep_.logical_not(), 0);
    buffer_ = at::empty_like(fitted_);
    ratio_ = 1;
  }

  Tensor keep_by(Tensor scores) const {
    if (!zeros_.defined()) {
      return select_mask(scores, selection_);
    }
    return select_mask(scores.masked_fill_(zeros_, -1), selection_)
        .logical_and_(zeros_.logical_not());
  }

  void take_step(const Tensor& inverse) {
    const double dropped = -penalty_ * ratio_;
    if (fitted_.scalar_type() == torch::kFloat) {
      in_parts([&](int64_t from, int64_t count) {
        kernels::admm_right_side(
            problem_.right.data_ptr<float>() + from,
            wanted_.data_ptr<float>() + from,
            mask_from(from),
            static_cast<float>(penalty_),
            static_cast<float>(dropped),
            count,
            buffer_.data_ptr<float>() + from);
      });
      solve::product_into(fitted_, buffer_, inverse);
      in_parts([&](int64_t from, int64_t count) {
        kernels::admm_update(
            fitted_.data_ptr<float>() + from,
            mask_from(from),
            static_cast<float>(ratio_),
            count,
            wanted_.data_ptr<float>() + from,
            buffer_.data_ptr<float>() + from);
      });
    } else {
      const auto more = at::where(keep_, wanted_ * penalty_, wanted_ * dropped);
      solve::product_into(fitted_, problem_.right + more, inverse);
      wanted_.mul_(ratio_).masked_fill_(keep_, 0).add_(fitted_);
      buffer_.copy_(wanted_).square_();
    }
    ratio_ = 1;
    keep_ = keep_by(buffer_).contiguous();
  }

  template <class Body>
  void in_parts(Body body) const {
    constexpr int64_t kElements = 1 << 16; // The fewest for a thread.
    at::parallel_for(
        0, fitted_.numel(), kElements, [&](int64_t begin, int64_t end) {
          body(begin, end - begin);
        });
  }

  const uint8_t* mask_from(int64_t element) const {
    return reinterpret_cast<const uint8_t*>(keep_.data_ptr<bool>()) + element;
  }

  /// `changed`: entries of the mask. Returns false when the mask is stable.
  bool adjust_penalty(double changed) {
    if (changed / kept_count_ > 0.005) {
      penalty_ *= changed / kept_count_ > 0.1 ? 1.3 : 1.2;
      has_risen_ = true;
    } else if (has_risen_ && changed == 0) {
      return false;
    } else if (has_risen_) {
      penalty_ *= 1.1;
    } else {
      penalty_ /= 5;
      if (changed > 0) {
        start();
      }
    }
    penalty_ = std::min(penalty_, kMostPenalty);
    return true;
  }

  const Problem& problem_;
  const Selection& selection_;
  const Tensor zeros_; ///< Entries that must stay zero, or undefined.
  int64_t most_steps_ = 0;
  double kept_count_ = 0;
  double penalty_ = kFirstPenalty;
  bool has_risen_ = false;
  Tensor fitted_;
  /// For a kept entry, the value that obeys the selection; for a dropped entry,
  /// its dual variable divided by the penalty.
  Tensor wanted_;
  Tensor keep_;
  /// The penalty in `wanted_` divided by the current one.
  double ratio_ = 1;
  Tensor buffer_; ///< Intermediate results of a step.
};

} // namespace

Solved solve_alps(
    const Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const ALPSOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto matrix = solve::matrix_of("solve_alps", weight, moments);
  const auto gram = solve::gram_of("solve_alps", moments);
  const auto dead = gram.diagonal().eq(0).sum().item<int64_t>();
  std::optional<Problem> problem;
  const double dampening = solve::raise_dampening(
      "solve_alps", options.dampening(), [&](double share) {
        return (problem = scaled(matrix, gram, share)).has_value();
      });
  Search search(
      *problem,
      selection,
      options,
      options.preserve_zeros() ? matrix.eq(0) : Tensor());
  const auto fitted = search.run();
  const auto keep = search.keep_of(fitted).logical_and_(fitted.ne(0));
  const auto found =
      solve::conjugate_gradients(
          problem->moments, problem->right, fitted, keep, options.refit_steps())
          .div_(problem->scale);
  auto solved = solve::solved_like(weight, found, keep);
  solved.dampening = dampening;
  solved.dead_inputs = dead;
  return solved;
}

} // namespace coppice
