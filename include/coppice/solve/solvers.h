#pragma once

#include <torch/arg.h>
#include <torch/types.h>

#include "coppice/export.h"
#include "coppice/masks/selection.h"
#include "coppice/solve/second_moments.h"

/// Pure functions of a weight, second moments and a selection: which weights of
/// a layer to drop, and the values of those that stay, so that the layer's
/// outputs on the samples change least.
///
/// A weight is [out, ...], seen as the matrix W [out, features]. Replacing it
/// by V has the error tr((V - W) G (V - W)^T), with the second moments G. A
/// grouped convolution is solved group by group. Weights of half and bfloat16
/// are computed in float32 and rounded once; the result has the shape and dtype
/// of the weight and +0 where the mask drops.
///
/// A dead input was zero in every sample: its weights are undetermined.
namespace coppice {

/// The result of a solver.
struct Solved {
  torch::Tensor weight;
  torch::Tensor mask; ///< kBool, shape of the weight; true keeps.
  /// The fraction of the mean second moment that was added to the diagonal.
  /// More than the option if the matrix was not positive definite; 0 if the
  /// method needs none.
  double dampening = 0;
  int64_t dead_inputs = 0;
};

/// Options of `solve_wanda`.
struct WandaOptions {
  /// Zeros of the weight stay zero, and count as dropped.
  TORCH_ARG(bool, preserve_zeros) = false;
};

/// Drops the lowest |W_ij| sqrt(G_jj), for blocks the lowest means of its
/// square, and changes no other weight.
///
/// Errors: c10::ValueError if the moments have another number of features, the
///   weight is not floating or not finite, and as `select_mask`.
/// Source: Sun et al. 2023, arXiv:2306.11695.
COPPICE_API Solved solve_wanda(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const Selection& selection,
    const WandaOptions& options = {});

/// Options of `solve_sparsegpt`.
struct SparseGPTOptions {
  /// Columns per block, whose mask is chosen at once.
  TORCH_ARG(int64_t, block_size) = 128;
  /// Fraction of the mean second moment of live inputs, added to the diagonal.
  TORCH_ARG(double, dampening) = 0.01;
  /// Zeros of the weight stay zero, and count as dropped.
  TORCH_ARG(bool, preserve_zeros) = false;
  /// Orders columns by descending second moment, not from left to right.
  TORCH_ARG(bool, by_activation) = false;
  /// As the published code: also drops the next higher score and its ties, and
  /// sets the second moment of a dead input to 1, which counts in the mean.
  TORCH_ARG(bool, as_published) = false;
};

/// Processes columns from left to right; later columns compensate for dropped
/// weights. The mask of a block of `block_size` columns is chosen when it is
/// reached, by w^2 / [U_jj]^2 of the current weights, U the upper Cholesky
/// factor of the inverse of G; that of N:M group by group. A sparsity among the
/// tensor or a row applies within each block.
///
/// Weights of dead inputs become zero and count as dropped. If a matrix is not
/// positive definite, the dampening is multiplied by ten until it is.
///
/// Errors: as `solve_wanda`; c10::ValueError if `block_size` is not a multiple
///   of the M of N:M, or the dampening is negative.
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
  /// The most steps; the search stops earlier when the mask is stable.
  TORCH_ARG(int64_t, max_steps) = 300;
  /// Steps of conjugate gradients on the kept weights.
  TORCH_ARG(int64_t, refit_steps) = 10;
};

/// Searches mask and weights together, by the alternating direction method of
/// multipliers with a penalty that increases as the mask becomes stable; then
/// least squares on the kept weights. The strongest and slowest of the methods.
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

/// Least squares for the weights that a mask keeps, by conjugate gradients from
/// weight * mask, with the diagonal as preconditioner.
///
/// Shapes: `mask` is kBool in the shape of `weight`; true keeps.
/// Errors: as `solve_wanda`, and c10::ValueError if the mask's shape or dtype
///   is another.
COPPICE_API Solved refit(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& mask,
    const RefitOptions& options = {});

/// The weight to prune in place of W, for a layer whose inputs already have the
/// error of pruned layers before it, so that its outputs approach those of the
/// dense model: V of least |V x~ - W x|^2 + d |V - W|^2 over all samples.
///
/// `moments`: of the current inputs x~.
/// `cross`: `cross_moments(x~, x)` with the inputs x of the dense model.
/// `dampening`: d as a fraction of the mean second moment of live inputs.
/// Errors: as `solve_wanda`, and if `cross` has another shape.
COPPICE_API torch::Tensor dense_output_target(
    const torch::Tensor& weight,
    const SecondMoments& moments,
    const torch::Tensor& cross,
    double dampening = 0.01);

/// tr((V - W) G (V - W)^T): the squared error of the layer's outputs over all
/// samples, with `pruned` for V and `weight` for W.
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
