#include "solve/products.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace coppice::solve {
namespace {

/// Terms of a sum that no BLAS for processors of today cuts.
int64_t terms_of(const torch::Tensor& a) {
  return 1024 / static_cast<int64_t>(a.element_size());
}

void add_from(
    int64_t begin,
    torch::Tensor to,
    const torch::Tensor& a,
    const torch::Tensor& b,
    double scale) {
  const int64_t terms = terms_of(a);
  for (; begin < a.size(1); begin += terms) {
    const int64_t end = std::min(begin + terms, a.size(1));
    to.addmm_(a.slice(1, begin, end), b.slice(0, begin, end), 1, scale);
  }
}

} // namespace

void product_into(
    const torch::Tensor& out,
    const torch::Tensor& a,
    const torch::Tensor& b) {
  const int64_t terms = std::min(terms_of(a), a.size(1));
  auto to = out;
  at::mm_out(to, a.slice(1, 0, terms), b.slice(0, 0, terms));
  add_from(terms, to, a, b, 1);
}

torch::Tensor product(const torch::Tensor& a, const torch::Tensor& b) {
  auto out = at::empty({a.size(0), b.size(1)}, a.options());
  product_into(out, a, b);
  return out;
}

void add_product(
    const torch::Tensor& to,
    const torch::Tensor& a,
    const torch::Tensor& b,
    double scale) {
  add_from(0, to, a, b, scale);
}

} // namespace coppice::solve
