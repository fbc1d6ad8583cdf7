#include "coppice/solve/second_moments.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>

#include "solve/products.h"

namespace coppice {
namespace {

/// Rows of the upper triangle per product: enough for an efficient BLAS call,
/// few enough that little is computed below the diagonal.
constexpr int64_t kPanel = 256;

/// Rows summed by one float32 product. The float64 addition is bound by memory,
/// so fewer rows would not amortise it.
constexpr int64_t kRows = 1024;

template <class From>
void add_to(double* sums, const From* more, int64_t count) {
  at::parallel_for(0, count, 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      sums[i] += more[i];
    }
  });
}

/// sums += more; both contiguous, sums float64.
void accumulate(const torch::Tensor& sums, const torch::Tensor& more) {
  auto* to = sums.data_ptr<double>();
  if (more.scalar_type() == torch::kDouble) {
    add_to(to, more.data_ptr<double>(), more.numel());
  } else {
    add_to(to, more.data_ptr<float>(), more.numel());
  }
}

torch::ScalarType wide_enough(torch::ScalarType dtype) {
  return dtype == torch::kDouble ? dtype : torch::kFloat;
}

torch::Tensor rows_of(const torch::Tensor& x, int64_t features) {
  TORCH_CHECK_VALUE(
      x.dim() > 0 && x.size(-1) == features && x.is_floating_point(),
      "SecondMoments: expected floating samples of ",
      features,
      " features, got ",
      x.scalar_type(),
      " ",
      x.sizes());
  return x.detach().reshape({-1, features}).to(wide_enough(x.scalar_type()));
}

} // namespace

SecondMoments::SecondMoments(int64_t features, Kind kind)
    : features_(features), kind_(kind) {
  TORCH_CHECK_VALUE(
      features > 0,
      "SecondMoments: expected one feature or more, got ",
      features);
  if (kind == Kind::Diagonal) {
    panels_.push_back(torch::zeros({features}, torch::kDouble));
    return;
  }
  for (int64_t first = 0; first < features; first += kPanel) {
    const auto rows = std::min(kPanel, features - first);
    panels_.push_back(torch::zeros({rows, features - first}, torch::kDouble));
  }
}

SecondMoments SecondMoments::of_matrix(const torch::Tensor& matrix) {
  TORCH_CHECK_VALUE(
      matrix.dim() == 2 && matrix.size(0) == matrix.size(1) &&
          matrix.is_floating_point(),
      "SecondMoments: expected a square floating matrix, got ",
      matrix.sizes());
  SecondMoments moments(matrix.size(0));
  int64_t first = 0;
  for (auto& panel : moments.panels_) {
    const int64_t end = first + panel.size(0);
    panel.copy_(matrix.slice(0, first, end).slice(1, first));
    first = end;
  }
  return moments;
}

void SecondMoments::add(const torch::Tensor& x) {
  const torch::NoGradGuard no_grad;
  const auto rows = rows_of(x, features_);
  rows_ += rows.size(0);
  append(rows);
}

void SecondMoments::append(const torch::Tensor& rows) {
  int64_t begin = 0;
  while (begin < rows.size(0)) {
    const auto left = rows.slice(0, begin);
    if (pending_rows_ == 0 && left.size(0) >= kRows) {
      add_products(left.slice(0, 0, kRows));
      begin += kRows;
      continue;
    }
    if (!pending_.defined()) {
      pending_ = torch::empty({kRows, features_}, rows.options());
    }
    const auto count = std::min(left.size(0), kRows - pending_rows_);
    pending_.slice(0, pending_rows_, pending_rows_ + count)
        .copy_(left.slice(0, 0, count));
    pending_rows_ += count;
    begin += count;
    if (pending_rows_ == kRows) {
      flush();
    }
  }
}

void SecondMoments::flush() const {
  if (pending_rows_ > 0) {
    add_products(pending_.slice(0, 0, pending_rows_));
    pending_rows_ = 0;
  }
}

void SecondMoments::add_products(const torch::Tensor& rows) const {
  if (kind_ == Kind::Diagonal) {
    accumulate(panels_[0], rows.square().sum(0).contiguous());
    return;
  }
  int64_t first = 0;
  for (const auto& panel : panels_) {
    const int64_t end = first + panel.size(0);
    accumulate(
        panel,
        solve::product(rows.slice(1, first, end).t(), rows.slice(1, first)));
    first = end;
  }
}

void SecondMoments::merge(const SecondMoments& other) {
  TORCH_CHECK_VALUE(
      other.features_ == features_ && other.kind_ == kind_,
      "SecondMoments: only those of the same features and kind can be "
      "merged; got ",
      other.features_,
      " features, expected ",
      features_);
  const torch::NoGradGuard no_grad;
  flush();
  other.flush();
  for (size_t i = 0; i < panels_.size(); ++i) {
    accumulate(panels_[i], other.panels_[i]);
  }
  rows_ += other.rows_;
}

torch::Tensor SecondMoments::matrix() const {
  TORCH_CHECK_VALUE(
      kind_ == Kind::Full,
      "SecondMoments: only the diagonal is kept, and this method needs the "
      "whole matrix");
  flush();
  return summed();
}

torch::Tensor SecondMoments::summed() const {
  const torch::NoGradGuard no_grad;
  if (kind_ == Kind::Diagonal) {
    return panels_[0].clone();
  }
  auto whole = torch::empty({features_, features_}, torch::kDouble);
  int64_t first = 0;
  for (const auto& panel : panels_) {
    const int64_t size = panel.size(0);
    const int64_t end = first + size;
    whole.slice(0, first, end).slice(1, end).copy_(panel.slice(1, size));
    whole.slice(1, first, end).slice(0, end).copy_(panel.slice(1, size).t());
    // Mirrored, as the BLAS may round (i, j) and (j, i) differently.
    const auto upper = panel.slice(1, 0, size).triu();
    whole.slice(0, first, end)
        .slice(1, first, end)
        .copy_(upper + upper.triu(1).t());
    first = end;
  }
  return whole;
}

torch::Tensor SecondMoments::diagonal() const {
  const torch::NoGradGuard no_grad;
  flush();
  if (kind_ == Kind::Diagonal) {
    return summed();
  }
  std::vector<torch::Tensor> parts;
  for (const auto& panel : panels_) {
    parts.push_back(panel.diagonal());
  }
  return torch::cat(parts);
}

SecondMoments::State SecondMoments::state() const {
  const auto pending = pending_rows_ > 0
      ? pending_.slice(0, 0, pending_rows_).clone()
      : torch::empty({0, features_}, torch::kFloat);
  return {summed(), pending, rows_};
}

SecondMoments SecondMoments::of_state(const State& state) {
  const auto& [sums, pending, rows] = state;
  TORCH_CHECK_VALUE(
      sums.defined() && (sums.dim() == 1 || sums.dim() == 2) &&
          sums.scalar_type() == torch::kDouble && sums.numel() > 0 &&
          sums.size(0) == sums.size(-1),
      "SecondMoments: expected saved sums of type Double and shape [features] "
      "or [features, features]");
  const int64_t features = sums.size(0);
  TORCH_CHECK_VALUE(
      pending.defined() && pending.dim() == 2 && pending.size(1) == features &&
          pending.size(0) < kRows && pending.is_floating_point(),
      "SecondMoments: expected saved rows of ",
      features,
      " features, fewer than ",
      kRows);
  auto moments = sums.dim() == 2 ? of_matrix(sums)
                                 : SecondMoments(features, Kind::Diagonal);
  if (sums.dim() == 1) {
    moments.panels_[0].copy_(sums);
  }
  moments.append(rows_of(pending, features));
  moments.rows_ = rows;
  return moments;
}

int64_t SecondMoments::nbytes(int64_t features, Kind kind) {
  const auto pending = kRows * features * static_cast<int64_t>(sizeof(float));
  const auto sums = kind == Kind::Diagonal
      ? features
      : features * (features + std::min(features, kPanel)) / 2;
  return pending + sums * static_cast<int64_t>(sizeof(double));
}

torch::Tensor cross_moments(const torch::Tensor& x, const torch::Tensor& y) {
  const torch::NoGradGuard no_grad;
  const auto a = rows_of(x, x.size(-1));
  const auto b = rows_of(y, y.size(-1)).to(a.scalar_type());
  TORCH_CHECK_VALUE(
      a.size(0) == b.size(0),
      "cross_moments: expected as many rows of both, got ",
      a.size(0),
      " and ",
      b.size(0));
  auto sums = torch::zeros({a.size(1), b.size(1)}, torch::kDouble);
  for (int64_t begin = 0; begin < a.size(0); begin += kRows) {
    const auto end = std::min(begin + kRows, a.size(0));
    accumulate(
        sums,
        solve::product(a.slice(0, begin, end).t(), b.slice(0, begin, end)));
  }
  return sums;
}

} // namespace coppice
