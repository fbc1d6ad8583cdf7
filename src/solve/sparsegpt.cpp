#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>

#include "coppice/solve/solvers.h"
#include "kernels/sparsegpt.h"
#include "solve/factors.h"
#include "solve/matrices.h"
#include "solve/products.h"

namespace coppice {
namespace {

using torch::Tensor;

/// Columns whose errors are applied to later columns in one product.
constexpr int64_t kWideColumns = 512;

/// U with U^T U = H^-1, and the dampening used.
struct Factor {
  Tensor upper;
  Tensor dead;
  double dampening = 0;
};

Factor factor_of(
    const Tensor& moments,
    torch::ScalarType dtype,
    const SparseGPTOptions& options) {
  const auto dead_inputs = options.as_published() ? solve::DeadInputs::AsOne
                                                  : solve::DeadInputs::AsMean;
  Factor factor;
  factor.dampening = solve::raise_dampening(
      "solve_sparsegpt", options.dampening(), [&](double share) {
        const auto damped =
            solve::damped(moments, share, torch::kDouble, dead_inputs);
        factor.dead = damped.dead;
        for (const auto precision : {dtype, torch::kDouble}) {
          factor.upper = solve::inverse_factor(damped.matrix.to(precision));
          if (factor.upper.defined()) {
            factor.upper = factor.upper.to(dtype);
            return true;
          }
        }
        return false;
      });
  return factor;
}

/// As the published code: also drops the score after the last.
Tensor published_mask(const Tensor& scores, double sparsity) {
  const auto last = static_cast<int64_t>(scores.numel() * sparsity);
  const auto sorted = std::get<0>(scores.clamp_min(0).flatten().sort());
  return scores.gt(sorted[std::min(last, scores.numel() - 1)]);
}

/// One weight during the scan over its columns.
class Scan {
 public:
  Scan(
      Tensor weight,
      Factor factor,
      const Selection& selection,
      const SparseGPTOptions& options)
      : weight_(std::move(weight)),
        factor_(std::move(factor)),
        selection_(selection),
        options_(options) {
    weight_.masked_fill_(factor_.dead, 0);
    keep_ = options.preserve_zeros()
        ? weight_.ne(0)
        : at::ones_like(weight_, weight_.options().dtype(torch::kBool));
  }

  void run() {
    const int64_t columns = weight_.size(1);
    const int64_t step = std::min(options_.block_size(), columns);
    // Errors of several blocks are applied to far columns in one product, which
    // reads and writes those columns less often.
    const int64_t wide = step * std::max<int64_t>(1, kWideColumns / step);
    const auto errors = at::empty(
        {weight_.size(0), std::min(wide, columns)}, weight_.options());
    for (int64_t first = 0; first < columns; first += wide) {
      const int64_t last = std::min(first + wide, columns);
      for (int64_t begin = first; begin < last; begin += step) {
        const int64_t end = std::min(begin + step, last);
        const auto error = errors.slice(1, begin - first, end - first);
        choose(begin, end);
        if (weight_.scalar_type() == torch::kDouble) {
          scan<double>(begin, end, error);
        } else {
          scan<float>(begin, end, error);
        }
        compensate(error, begin, end, last);
      }
      compensate(errors.slice(1, 0, last - first), first, last, columns);
    }
  }

  const Tensor& weight() const {
    return weight_;
  }
  const Tensor& keep() const {
    return keep_;
  }

 private:
  const Nm* groups() const {
    return std::get_if<Nm>(&selection_.pattern());
  }

  /// Subtracts the errors of columns [begin, end) from the columns up to
  /// `last`.
  void
  compensate(const Tensor& error, int64_t begin, int64_t end, int64_t last) {
    if (end < last) {
      solve::add_product(
          weight_.slice(1, end, last),
          error,
          factor_.upper.slice(0, begin, end).slice(1, end, last),
          -1);
    }
  }

  /// Chooses the mask of some columns; N:M masks are chosen in the scan.
  void choose(int64_t begin, int64_t end) {
    if (groups()) {
      return;
    }
    auto keep = keep_.slice(1, begin, end);
    const auto pivots = factor_.upper.diagonal().slice(0, begin, end);
    auto scores = weight_.slice(1, begin, end).square().div_(pivots.square());
    scores.masked_fill_(keep.logical_not(), -1);
    keep.logical_and_(
        options_.as_published() ? published_mask(scores, selection_.sparsity())
                                : select_mask(scores, selection_));
  }

  template <class T>
  void scan(int64_t begin, int64_t end, const Tensor& errors) {
    const auto factor =
        factor_.upper.slice(0, begin, end).slice(1, begin, end).contiguous();
    kernels::ScannedColumns<T> how;
    how.columns = static_cast<size_t>(end - begin);
    how.stride = static_cast<size_t>(weight_.size(1));
    how.factor = factor.data_ptr<T>();
    how.errors_stride = static_cast<size_t>(errors.stride(0));
    if (const auto* nm = groups()) {
      how.n = static_cast<size_t>(nm->n);
      how.m = static_cast<size_t>(nm->m);
    }
    T* const weight = weight_.data_ptr<T>() + begin;
    auto* const keep =
        reinterpret_cast<uint8_t*>(keep_.data_ptr<bool>()) + begin;
    T* const error = errors.data_ptr<T>();
    const int64_t stride = weight_.size(1);
    at::parallel_for(0, weight_.size(0), 32, [&](int64_t from, int64_t to) {
      kernels::scan_columns(
          how,
          static_cast<size_t>(to - from),
          weight + from * stride,
          keep + from * stride,
          error + from * static_cast<int64_t>(how.errors_stride));
    });
  }

  Tensor weight_; ///< [out, features], contiguous.
  Factor factor_;
  const Selection& selection_;
  const SparseGPTOptions& options_;
  Tensor keep_; ///< kBool, shape of the weight.
};

void check(const Selection& selection, const SparseGPTOptions& options) {
  TORCH_CHECK_VALUE(
      options.block_size() > 0,
      "solve_sparsegpt: expected a positive block_size, got ",
      options.block_size());
  if (const auto* nm = std::get_if<Nm>(&selection.pattern())) {
    TORCH_CHECK_VALUE(
        options.block_size() % nm->m == 0 && nm->m <= 64,
        "solve_sparsegpt: block_size, ",
        options.block_size(),
        ", must be a multiple of the M of ",
        to_string(selection.pattern()),
        ", which is 64 at most");
  }
  TORCH_CHECK_VALUE(
      !options.as_published() ||
          std::holds_alternative<Unstructured>(selection.pattern()),
      "solve_sparsegpt: the published code only supports single weights; leave "
      "as_published out for ",
      to_string(selection.pattern()));
}

} // namespace

Solved solve_sparsegpt(
    const Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const SparseGPTOptions& options) {
  const torch::NoGradGuard no_grad;
  check(selection, options);
  auto matrix = solve::matrix_of("solve_sparsegpt", weight, moments);
  auto gram = solve::gram_of("solve_sparsegpt", moments);
  Tensor order;
  if (options.by_activation()) {
    order = gram.diagonal().argsort(/*stable=*/true, 0, /*descending=*/true);
    matrix = matrix.index_select(1, order);
    gram = gram.index_select(0, order).index_select(1, order);
  }
  auto factor = factor_of(gram, matrix.scalar_type(), options);
  const double dampening = factor.dampening;
  const auto dead = factor.dead.sum().item<int64_t>();
  Scan scan(matrix, std::move(factor), selection, options);
  scan.run();
  Tensor found = scan.weight();
  Tensor keep = scan.keep();
  if (order.defined()) {
    const auto back = order.argsort();
    found = found.index_select(1, back);
    keep = keep.index_select(1, back);
  }
  auto solved = solve::solved_like(weight, found, keep);
  solved.dampening = dampening;
  solved.dead_inputs = dead;
  return solved;
}

} // namespace coppice
