#include "coppice/solve/patches.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>

namespace coppice {
namespace {

using torch::Tensor;

constexpr int64_t kMostBytes = int64_t(64) << 20;

/// The patches of some images: [samples * places, channels * kernel].
Tensor patches_of(const Tensor& images, const PatchOptions& options) {
  const auto columns = at::im2col(
      images,
      options.kernel(),
      options.dilation(),
      options.padding(),
      options.stride());
  return columns.transpose(1, 2).reshape({-1, columns.size(1)});
}

bool is_pointwise(const PatchOptions& options) {
  const PatchOptions::Pair one{1, 1};
  return options.kernel() == one && options.stride() == one &&
      options.padding() == PatchOptions::Pair{0, 0};
}

} // namespace

std::vector<SecondMoments> patch_moments(
    int64_t channels,
    const PatchOptions& options,
    SecondMoments::Kind kind) {
  const int64_t features = channels * options.kernel()[0] * options.kernel()[1];
  std::vector<SecondMoments> moments;
  for (int64_t i = 0; i < options.groups(); ++i) {
    moments.emplace_back(features, kind);
  }
  return moments;
}

void add_patches(
    std::vector<SecondMoments>& moments,
    const Tensor& images,
    const PatchOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto batch = images.dim() == 3 ? images.unsqueeze(0) : images;
  const int64_t kernel = options.kernel()[0] * options.kernel()[1];
  const auto groups = static_cast<int64_t>(moments.size());
  const int64_t channels = moments.at(0).features() / kernel;
  TORCH_CHECK_VALUE(
      batch.dim() == 4 && batch.size(1) == groups * channels,
      "add_patches: expected images [samples, ",
      groups * channels,
      ", height, width], got ",
      images.sizes());
  const auto floating = batch.to(
      batch.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat);
  const int64_t bytes = std::max<int64_t>(
      1, kernel * floating[0].numel() * floating.element_size());
  for (const auto& few :
       floating.split(std::max<int64_t>(1, kMostBytes / bytes))) {
    for (int64_t i = 0; i < groups; ++i) {
      const auto own = few.slice(1, i * channels, (i + 1) * channels);
      moments[i].add(
          is_pointwise(options) ? own.permute({0, 2, 3, 1})
                                : patches_of(own, options));
    }
  }
}

Solved solve_groups(
    const Tensor& weight,
    const std::vector<SecondMoments>& moments,
    const std::function<Solved(const Tensor&, const SecondMoments&)>& solve) {
  const auto groups = static_cast<int64_t>(moments.size());
  TORCH_CHECK_VALUE(
      groups > 0 && weight.dim() > 0 && weight.size(0) % groups == 0,
      "solve_groups: ",
      groups,
      " groups do not divide a weight of ",
      weight.sizes());
  Solved all;
  std::vector<Tensor> weights;
  std::vector<Tensor> masks;
  for (int64_t i = 0; i < groups; ++i) {
    const auto one = solve(weight.chunk(groups, 0)[i], moments[i]);
    weights.push_back(one.weight);
    masks.push_back(one.mask);
    all.dampening = std::max(all.dampening, one.dampening);
    all.dead_inputs += one.dead_inputs;
  }
  all.weight = torch::cat(weights);
  all.mask = torch::cat(masks);
  return all;
}

} // namespace coppice
