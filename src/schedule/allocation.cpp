#include "coppice/schedule/allocation.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace coppice {
namespace {

void check_layers(const char* function, size_t layers, double sparsity) {
  TORCH_CHECK_VALUE(layers > 0, function, ": expected one layer or more");
  TORCH_CHECK_VALUE(
      sparsity >= 0 && sparsity <= 1,
      function,
      ": expected a sparsity in [0, 1], got ",
      sparsity);
}

void check_values(const char* function, const torch::Tensor& values) {
  TORCH_CHECK_VALUE(
      values.defined() && values.numel() > 0 && values.is_floating_point(),
      function,
      ": expected floating tensors that are not empty");
}

double product_of(const std::vector<int64_t>& shape) {
  return std::accumulate(
      shape.begin(), shape.end(), 1.0, [](double product, int64_t size) {
        return product * static_cast<double>(size);
      });
}

/// |values| of all tensors, concatenated.
std::vector<float> magnitudes_of(const std::vector<torch::Tensor>& tensors) {
  std::vector<float> all;
  for (const auto& tensor : tensors) {
    check_values("magnitude_levels", tensor);
    const auto flat = tensor.detach()
                          .to(torch::kCPU, torch::kFloat)
                          .abs()
                          .reshape(-1)
                          .contiguous();
    TORCH_CHECK_VALUE(
        flat.isfinite().all().item<bool>(),
        "magnitude_levels: a weight holds NaN or infinity");
    const auto* const from = flat.data_ptr<float>();
    all.insert(all.end(), from, from + flat.numel());
  }
  return all;
}

} // namespace

std::vector<double> uniform_levels(int64_t layers, double sparsity) {
  check_layers(
      "uniform_levels",
      static_cast<size_t>(std::max<int64_t>(layers, 0)),
      sparsity);
  return std::vector<double>(layers, sparsity);
}

std::vector<double> erk_levels(
    const std::vector<std::vector<int64_t>>& shapes,
    double sparsity) {
  check_layers("erk_levels", shapes.size(), sparsity);
  std::vector<double> sizes;
  std::vector<double> raw;
  double left = 0; // Weights kept by layers that are not full.
  for (const auto& shape : shapes) {
    const double size = product_of(shape);
    TORCH_CHECK_VALUE(
        !shape.empty() && *std::min_element(shape.begin(), shape.end()) > 0,
        "erk_levels: expected positive sizes, got ",
        torch::IntArrayRef(shape));
    sizes.push_back(size);
    raw.push_back(std::accumulate(shape.begin(), shape.end(), 0.0) / size);
    left += size * (1 - sparsity);
  }
  std::vector<bool> full(shapes.size(), false);
  std::vector<double> levels(shapes.size(), 0);
  for (bool again = true; again;) {
    again = false;
    double share = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      share += full[i] ? 0 : sizes[i] * raw[i];
    }
    const double scale = share > 0 ? left / share : 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (full[i]) {
        continue;
      }
      levels[i] = 1 - scale * raw[i];
      if (levels[i] < 0) {
        levels[i] = 0;
        full[i] = true;
        left -= sizes[i];
        again = true;
      }
    }
  }
  return levels;
}

std::vector<double> magnitude_levels(
    const std::vector<torch::Tensor>& weights,
    double sparsity) {
  check_layers("magnitude_levels", weights.size(), sparsity);
  const torch::NoGradGuard no_grad;
  const auto all = magnitudes_of(weights);
  const auto dropped =
      static_cast<size_t>(static_cast<double>(all.size()) * sparsity);
  if (dropped == all.size()) {
    return std::vector<double>(weights.size(), 1);
  }
  auto sorted = all;
  std::nth_element(sorted.begin(), sorted.begin() + dropped, sorted.end());
  const float cut = sorted[dropped];
  size_t ties = dropped -
      std::count_if(all.begin(), all.end(), [&](float m) { return m < cut; });
  std::vector<double> levels;
  auto from = all.begin();
  for (const auto& weight : weights) {
    const auto end = from + weight.numel();
    const size_t equal = std::min<size_t>(ties, std::count(from, end, cut));
    ties -= equal;
    const size_t zeros =
        equal + std::count_if(from, end, [&](float m) { return m < cut; });
    levels.push_back(
        static_cast<double>(zeros) / static_cast<double>(weight.numel()));
    from = end;
  }
  return levels;
}

std::vector<double> owl_levels(
    const std::vector<torch::Tensor>& scores,
    double sparsity,
    const OwlOptions& options) {
  check_layers("owl_levels", scores.size(), sparsity);
  const torch::NoGradGuard no_grad;
  std::vector<double> outliers;
  for (const auto& layer : scores) {
    check_values("owl_levels", layer);
    const auto cut = layer.mean() * options.multiple;
    outliers.push_back(
        layer.gt(cut).sum().item<double>() /
        static_cast<double>(layer.numel()));
  }
  const auto [low, high] =
      std::minmax_element(outliers.begin(), outliers.end());
  if (*low == *high) {
    return uniform_levels(static_cast<int64_t>(scores.size()), sparsity);
  }
  const double least = *low;
  const double range = *high - *low;
  for (double& share : outliers) {
    share = (share - least) / range * 2 * options.lambda;
  }
  const double mean = std::accumulate(outliers.begin(), outliers.end(), 0.0) /
      static_cast<double>(outliers.size());
  std::vector<double> levels;
  for (const double share : outliers) {
    levels.push_back(sparsity + mean - share);
    TORCH_CHECK_VALUE(
        levels.back() >= 0 && levels.back() <= 1,
        "owl_levels: layer ",
        levels.size() - 1,
        " would get a sparsity of ",
        levels.back(),
        "; choose a lambda smaller than ",
        options.lambda,
        " or another sparsity than ",
        sparsity);
  }
  return levels;
}

} // namespace coppice
