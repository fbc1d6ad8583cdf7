#include "coppice/solve/patches.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>

namespace coppice {
namespace {

using torch::Tensor;

constexpr int64_t kMostBytes = int64_t(64) << 20;

/// The patches of images: [samples * positions, channels * kernel].
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

int64_t kernel_size(const PatchOptions& options) {
  return options.kernel()[0] * options.kernel()[1];
}

/// [samples, channels, height, width] in float32 or float64.
Tensor floating_batch(const Tensor& images, int64_t channels) {
  const auto batch = images.dim() == 3 ? images.unsqueeze(0) : images;
  TORCH_CHECK_VALUE(
      batch.dim() == 4 && batch.size(1) == channels,
      "add_patches: expected images [samples, ",
      channels,
      ", height, width], got ",
      images.sizes());
  return batch.to(
      batch.scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat);
}

/// The number of images whose patches fit the memory limit.
int64_t images_at_once(const Tensor& batch, const PatchOptions& options) {
  const int64_t elements = batch.size(0) == 0 ? 0 : batch[0].numel();
  const int64_t bytes = std::max<int64_t>(
      1, kernel_size(options) * elements * batch.element_size());
  return std::max<int64_t>(1, kMostBytes / bytes);
}

/// The input of one group: [rows, channels * kernel].
Tensor rows_of_group(
    const Tensor& images,
    int64_t group,
    int64_t channels,
    const PatchOptions& options) {
  const auto own = images.slice(1, group * channels, (group + 1) * channels);
  return is_pointwise(options)
      ? own.permute({0, 2, 3, 1}).reshape({-1, channels})
      : patches_of(own, options);
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
  const auto groups = static_cast<int64_t>(moments.size());
  const int64_t channels = moments.at(0).features() / kernel_size(options);
  const auto batch = floating_batch(images, groups * channels);
  for (const auto& few : batch.split(images_at_once(batch, options))) {
    for (int64_t i = 0; i < groups; ++i) {
      moments[i].add(rows_of_group(few, i, channels, options));
    }
  }
}

void add_cross_patches(
    std::vector<Tensor>& cross,
    const Tensor& now,
    const Tensor& before,
    const PatchOptions& options) {
  const torch::NoGradGuard no_grad;
  TORCH_CHECK_VALUE(
      now.sizes() == before.sizes(),
      "add_cross_patches: expected images of one shape, got ",
      now.sizes(),
      " and ",
      before.sizes());
  const auto groups = static_cast<int64_t>(cross.size());
  const int64_t channels = cross.at(0).size(0) / kernel_size(options);
  const auto batch = floating_batch(now, groups * channels);
  const auto other = floating_batch(before, groups * channels);
  const auto count = images_at_once(batch, options);
  for (int64_t begin = 0; begin < batch.size(0); begin += count) {
    const auto few = batch.slice(0, begin, begin + count);
    const auto few_others = other.slice(0, begin, begin + count);
    for (int64_t i = 0; i < groups; ++i) {
      cross[i].add_(cross_moments(
          rows_of_group(few, i, channels, options),
          rows_of_group(few_others, i, channels, options)));
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
