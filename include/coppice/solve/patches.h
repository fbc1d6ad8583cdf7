#pragma once

#include <torch/arg.h>
#include <torch/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "coppice/export.h"
#include "coppice/solve/solvers.h"

namespace coppice {

/// Geometry of a two-dimensional convolution; a one-dimensional one has a
/// height of 1.
struct PatchOptions {
  using Pair = std::array<int64_t, 2>; ///< Height, width.

  TORCH_ARG(Pair, kernel) = {1, 1};
  TORCH_ARG(Pair, stride) = {1, 1};
  TORCH_ARG(Pair, padding) = {0, 0};
  TORCH_ARG(Pair, dilation) = {1, 1};
  TORCH_ARG(int64_t, groups) = 1;
};

/// Second moments for each group of a convolution whose weight has `channels`
/// inputs per group: of patches (channel, row, column), in the order of
/// `weight.flatten(1)`.
COPPICE_API std::vector<SecondMoments> patch_moments(
    int64_t channels,
    const PatchOptions& options,
    SecondMoments::Kind kind = SecondMoments::Kind::Full);

/// Adds the patches of images, a few images at a time: at most about 64 MB of
/// patches are in memory.
///
/// Shapes: `images` is [samples, groups * channels, height, width], or without
///   samples.
/// Errors: c10::ValueError if the channels do not match, or the images are
///   smaller than the kernel.
COPPICE_API void add_patches(
    std::vector<SecondMoments>& moments,
    const torch::Tensor& images,
    const PatchOptions& options);

/// `cross_moments` of the patches of images now and before, for each group;
/// added to `cross`, each float64 [features, features].
///
/// Errors: as `add_patches`; c10::ValueError unless both have the same shape.
COPPICE_API void add_cross_patches(
    std::vector<torch::Tensor>& cross,
    const torch::Tensor& now,
    const torch::Tensor& before,
    const PatchOptions& options);

/// Solves a weight group by group, each with its own second moments, and joins
/// the results. `dampening` is the largest of any group, `dead_inputs` the sum
/// of all.
///
/// Errors: c10::ValueError if the number of groups does not divide the weight's
///   outputs; those of `solve`.
COPPICE_API Solved solve_groups(
    const torch::Tensor& weight,
    const std::vector<SecondMoments>& moments,
    const std::function<Solved(const torch::Tensor&, const SecondMoments&)>&
        solve);

} // namespace coppice
