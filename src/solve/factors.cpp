#include "solve/factors.h"

#include <ATen/ATen.h>

#include "solve/products.h"

namespace coppice::solve {
namespace {

/// Matrices that LAPACK factorizes on one thread.
constexpr int64_t kSmallFactor = 64;

/// Triangles that are multiplied as if they were whole.
constexpr int64_t kWhole = 256;

/// `upper` times `right`: the zeros below the diagonal are left out.
torch::Tensor upper_times(
    const torch::Tensor& upper,
    const torch::Tensor& right) {
  const int64_t n = upper.size(0);
  if (n <= kWhole) {
    return product(upper, right);
  }
  const int64_t half = n / 2;
  const auto low = right.slice(0, half);
  auto result = at::empty(right.sizes(), right.options());
  auto top = result.slice(0, 0, half);
  top.copy_(upper_times(
      upper.slice(0, 0, half).slice(1, 0, half), right.slice(0, 0, half)));
  add_product(top, upper.slice(0, 0, half).slice(1, half), low);
  result.slice(0, half).copy_(
      upper_times(upper.slice(0, half).slice(1, half), low));
  return result;
}

/// `left` times `upper`, likewise.
torch::Tensor times_upper(
    const torch::Tensor& left,
    const torch::Tensor& upper) {
  const int64_t n = upper.size(0);
  if (n <= kWhole) {
    return product(left, upper);
  }
  const int64_t half = n / 2;
  const auto first = left.slice(1, 0, half);
  auto result = at::empty(left.sizes(), left.options());
  result.slice(1, 0, half)
      .copy_(times_upper(first, upper.slice(0, 0, half).slice(1, 0, half)));
  auto rest = result.slice(1, half);
  rest.copy_(
      times_upper(left.slice(1, half), upper.slice(0, half).slice(1, half)));
  add_product(rest, first, upper.slice(0, 0, half).slice(1, half));
  return result;
}

/// The inverse of an upper triangular matrix, in place: of [A B; 0 C] it is
/// [A^-1, -A^-1 B C^-1; 0, C^-1]. Products do nearly all of the work.
void invert_upper(const torch::Tensor& upper) {
  constexpr int64_t kSmall = 128;
  const int64_t n = upper.size(0);
  if (n <= kSmall) {
    upper.copy_(at::linalg_solve_triangular(
        upper, at::eye(n, upper.options()), /*upper=*/true));
    return;
  }
  const int64_t half = (n / 2 + kSmall - 1) / kSmall * kSmall;
  const auto a = upper.slice(0, 0, half).slice(1, 0, half);
  const auto b = upper.slice(0, 0, half).slice(1, half);
  const auto c = upper.slice(0, half).slice(1, half);
  invert_upper(a);
  invert_upper(c);
  b.copy_(times_upper(upper_times(a, b), c).neg_());
}

/// U^T U of an upper triangular U.
void square_upper(const torch::Tensor& upper, const torch::Tensor& square) {
  const int64_t n = upper.size(0);
  if (n <= kWhole) {
    square.copy_(product(upper.t(), upper));
    return;
  }
  const int64_t half = n / 2;
  const auto a = upper.slice(0, 0, half).slice(1, 0, half);
  const auto b = upper.slice(0, 0, half).slice(1, half);
  const auto last = square.slice(0, half).slice(1, half);
  square_upper(a, square.slice(0, 0, half).slice(1, 0, half));
  square_upper(upper.slice(0, half).slice(1, half), last);
  add_product(last, b.t(), b);
  const auto across = times_upper(b.t().contiguous(), a);
  square.slice(0, half).slice(1, 0, half).copy_(across);
  square.slice(0, 0, half).slice(1, half).copy_(across.t());
}

/// The lower triangle of `from` loses that of x x^T.
void subtract_square(const torch::Tensor& from, const torch::Tensor& x) {
  const int64_t n = from.size(0);
  if (n <= kWhole) {
    add_product(from, x, x.t(), -1);
    return;
  }
  const int64_t half = n / 2;
  const auto low = x.slice(0, half);
  subtract_square(
      from.slice(0, 0, half).slice(1, 0, half), x.slice(0, 0, half));
  subtract_square(from.slice(0, half).slice(1, half), low);
  add_product(
      from.slice(0, half).slice(1, 0, half), low, x.slice(0, 0, half).t(), -1);
}

/// The lower Cholesky factor in place of the lower triangle, zeros above it;
/// false if there is none. Of [A .; B C] it is [L .; B L^-T, that of what C
/// has left].
bool factorize(const torch::Tensor& matrix) {
  const int64_t n = matrix.size(0);
  if (n <= kSmallFactor) {
    const auto [factor, info] = at::linalg_cholesky_ex(matrix);
    matrix.copy_(factor);
    return info.item<int>() == 0;
  }
  const int64_t half = (n / 2 + kSmallFactor - 1) / kSmallFactor * kSmallFactor;
  const auto first = matrix.slice(0, 0, half).slice(1, 0, half);
  const auto below = matrix.slice(0, half).slice(1, 0, half);
  const auto rest = matrix.slice(0, half).slice(1, half);
  if (!factorize(first)) {
    return false;
  }
  below.copy_(
      at::linalg_solve_triangular(first, below.t(), /*upper=*/false).t());
  matrix.slice(0, 0, half).slice(1, half).zero_();
  subtract_square(rest, below);
  return factorize(rest);
}

} // namespace

torch::Tensor lower_factor(const torch::Tensor& matrix) {
  auto factor = matrix.clone(at::MemoryFormat::Contiguous);
  return factorize(factor) ? factor : torch::Tensor();
}

bool is_definite(const torch::Tensor& matrix) {
  return lower_factor(matrix).defined();
}

torch::Tensor inverse_factor(const torch::Tensor& matrix) {
  const auto lower = lower_factor(matrix.flip({0, 1}));
  if (!lower.defined()) {
    return {};
  }
  auto upper = lower.flip({0, 1}).contiguous();
  invert_upper(upper);
  return upper;
}

torch::Tensor positive_inverse(const torch::Tensor& matrix) {
  const auto upper = inverse_factor(matrix);
  if (!upper.defined()) {
    return {};
  }
  auto inverse = at::empty_like(upper);
  square_upper(upper, inverse);
  return inverse;
}

} // namespace coppice::solve
