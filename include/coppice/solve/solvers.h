#pragma once

#include <torch/arg.h>
#include <torch/types.h>

#include "coppice/export.h"
#include "coppice/masks/selection.h"
#include "coppice/solve/second_moments.h"

/// Which weights of a layer go, and what those that stay become, so that the
/// layer's outputs change least on what its second moments have seen: pure
/// functions of a weight, second moments and a selection.
///
/// A weight is [out, ...], seen as the matrix W [out, features], and the error
/// of V in its place is tr((V - W) G (V - W)^T) with the second moments G. A
/// convolution in groups is solved group by group. Weights of half and bfloat16
/// are computed in float32 and rounded once; the result has the shape and dtype
/// of the weight and +0 where the mask drops.
///
/// A dead input was zero in every sample: nothing is known of its weights.
namespace coppice {

/// What a solver made of a weight.
struct Solved {
  torch::Tensor weight;
  torch::Tensor mask; ///< kBool, shape of the weight; true keeps.
  /// The share of the mean second moment that was added to the diagonal. More
  /// than was asked where the matrix was not positive definite with that; 0
  /// where the method needs none.
  double dampening = 0;
  int64_t dead_inputs = 0;
};

/// Options of `solve_wanda`.
struct WandaOptions {
  /// Zeros of the weight stay zero, and count among those that fall.
  TORCH_ARG(bool, preserve_zeros) = false;
};

/// Drops the lowest |W_ij| sqrt(G_jj), for blocks the lowest means of its
/// square, and changes no other weight.
///
/// Errors: c10::ValueError if the moments are those of another number of
///   features, the weight is not floating or not finite, and as `select_mask`.
/// Source: Sun et al. 2023, arXiv:2306.11695.
COPPICE_API Solved solve_wanda(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const WandaOptions& options = {});

/// Options of `solve_sparsegpt`.
struct SparseGPTOptions {
  /// Columns whose mask is chosen together.
  TORCH_ARG(int64_t, block_size) = 128;
  /// Share of the mean second moment of live inputs to add to each.
  TORCH_ARG(double, dampening) = 0.01;
  /// Zeros of the weight stay zero, and count among those that fall.
  TORCH_ARG(bool, preserve_zeros) = false;
  /// Columns by falling second moment, not from left to right.
  TORCH_ARG(bool, by_activation) = false;
  /// As the published code does in two things: all scores up to the one after
  /// the last that falls fall, and the second moment of a dead input is 1 and
  /// counts in the mean.
  TORCH_ARG(bool, as_published) = false;
};

/// Column by column from left to right: what is dropped is made up for by the
/// columns that follow. The mask of `block_size` columns at a time is chosen
/// where the scan reaches them, by w^2 / [U_jj]^2 of the weights as they are
/// then, U the upper Cholesky factor of the inverse of G; that of N:M group by
/// group. A fraction of the tensor or of its rows is one of those columns.
///
/// Weights of dead inputs become zero and count among those that fall. A matrix
/// that is not positive definite gets ten times the dampening until it is.
///
/// Errors: as `solve_wanda`; c10::ValueError if `block_size` is no multiple of
///   the M of N:M, or the dampening is negative.
/// Source: Frantar and Alistarh 2023, arXiv:2301.00774.
COPPICE_API Solved solve_sparsegpt(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const SparseGPTOptions& options = {});

/// Options of `solve_alps`.
struct ALPSOptions {
  TORCH_ARG(double, dampening) = 0.01;
  TORCH_ARG(bool, preserve_zeros) = false;
  /// Steps at most; the search ends by itself when the mask stands.
  TORCH_ARG(int64_t, max_steps) = 300;
  /// Steps of conjugate gradients on the weights that stay.
  TORCH_ARG(int64_t, refit_steps) = 10;
};

/// Searches mask and weights together, by the alternating direction method of
/// multipliers with a penalty that rises as the mask settles; then least
/// squares on what stays. The strongest and slowest of the methods.
///
/// Errors: as `solve_wanda`.
/// Source: Meng et al. 2024, arXiv:2406.07831.
COPPICE_API Solved solve_alps(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const ALPSOptions& options = {});

/// Options of `refit`.
struct RefitOptions {
  TORCH_ARG(double, dampening) = 0.01;
  /// Steps of conjugate gradients.
  TORCH_ARG(int64_t, steps) = 10;
};

/// Least squares for the weights that a mask keeps, from weight * mask on, by
/// conjugate gradients with the diagonal as preconditioner.
///
/// Shapes: `mask` is kBool in the shape of `weight`; true keeps.
/// Errors: as `solve_wanda`, and c10::ValueError if the mask is another.
COPPICE_API Solved refit(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& mask,
    const RefitOptions& options = {});

/// The weight to prune where the inputs of a layer already carry the error of
/// layers that were pruned before it, and its outputs should be those of the
/// dense model: V of least |V x~ - W x|^2 + d |V - W|^2 over all samples.
///
/// `moments`: of the inputs x~ as they are now.
/// `cross`: `cross_moments(x~, x)` with the inputs x of the dense model.
/// `dampening`: d as a share of the mean second moment of live inputs.
/// Errors: as `solve_wanda`, and if `cross` has another shape.
COPPICE_API torch::Tensor dense_output_target(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& cross,
    double dampening = 0.01);

/// tr((V - W) G (V - W)^T): the squared error of the layer's outputs over all
/// samples with `pruned` in the place of `weight`.
COPPICE_API double layer_error(
    const torch::Tensor& weight,
    const torch::Tensor& pruned,
    const SecondMoments& moments);

/// `layer_error` over the squared outputs tr(W G W^T); 0 if those are 0.
COPPICE_API double relative_layer_error(
    const torch::Tensor& weight,
    const torch::Tensor& pruned,
    const SecondMoments& moments);

} // namespace coppice
