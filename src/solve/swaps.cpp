#include "coppice/solve/swaps.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <atomic>
#include <vector>

#include "solve/matrices.h"

namespace coppice {
namespace {

/// One row of a weight, under a mask.
class RowOfMask {
 public:
  RowOfMask(const double* weight, const double* gram, bool* keep, int64_t size)
      : weight_(weight),
        gram_(gram),
        keep_(keep),
        size_(size),
        products_(size) {
    for (int64_t i = 0; i < size; ++i) {
      if (!keep[i]) {
        add_column(i, weight[i]);
      }
    }
  }

  /// Swaps the best pair; false if none lowers the error.
  bool swap() {
    kept_.clear();
    dropped_.clear();
    for (int64_t i = 0; i < size_; ++i) {
      (keep_[i] ? kept_ : dropped_).push_back(i);
    }
    double least = 0;
    int64_t dropping = -1;
    int64_t restoring = -1;
    for (const int64_t u : kept_) {
      const double own = change(u, weight_[u]);
      const double* const row = gram_ + u * size_;
      for (const int64_t p : dropped_) {
        const double both =
            own + change(p, -weight_[p]) - 2 * weight_[u] * weight_[p] * row[p];
        if (both < least) {
          least = both;
          dropping = u;
          restoring = p;
        }
      }
    }
    if (dropping < 0) {
      return false;
    }
    keep_[dropping] = false;
    keep_[restoring] = true;
    add_column(dropping, weight_[dropping]);
    add_column(restoring, -weight_[restoring]);
    return true;
  }

 private:
  /// The change of the error if `missing` more of weight i is dropped.
  double change(int64_t i, double missing) const {
    return missing * (2 * products_[i] + missing * gram_[i * size_ + i]);
  }

  void add_column(int64_t i, double missing) {
    for (int64_t j = 0; j < size_; ++j) {
      products_[j] += gram_[i * size_ + j] * missing;
    }
  }

  const double* weight_;
  const double* gram_;
  bool* keep_;
  int64_t size_;
  std::vector<double> products_; ///< Second moments times the dropped weights.
  std::vector<int64_t> kept_, dropped_;
};

} // namespace

SwappedMask swap_mask(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& mask,
    int64_t max_swaps) {
  const torch::NoGradGuard no_grad;
  const auto matrix =
      solve::matrix_of("swap_mask", weight, moments).to(torch::kDouble);
  solve::check_mask("swap_mask", weight, mask);
  const auto gram = solve::gram_of("swap_mask", moments);
  auto keep = mask.reshape(matrix.sizes()).clone(at::MemoryFormat::Contiguous);
  const int64_t size = matrix.size(1);
  std::atomic<int64_t> swaps{0};
  at::parallel_for(0, matrix.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      RowOfMask row(
          matrix.data_ptr<double>() + r * size,
          gram.data_ptr<double>(),
          keep.data_ptr<bool>() + r * size,
          size);
      for (int64_t i = 0; i < max_swaps && row.swap(); ++i) {
        ++swaps;
      }
    }
  });
  return {keep.reshape(weight.sizes()), swaps};
}

} // namespace coppice
