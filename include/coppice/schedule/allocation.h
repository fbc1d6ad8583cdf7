#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "coppice/export.h"

/// Sparsity of each layer for a total sparsity: pure functions of sizes, scores
/// or costs.
///
/// Errors: all throw c10::ValueError if there are no layers or the sparsity is
///   not in [0, 1], and where stated.
namespace coppice {

COPPICE_API std::vector<double> uniform_levels(int64_t layers, double sparsity);

/// Erdos-Renyi-Kernel: the density of a layer is proportional to the sum of its
/// sizes over their product, 1 at most. Small layers keep more.
///
/// `shapes`: of the weights, every size positive.
/// Source: Evci et al. 2020, arXiv:1911.11134.
COPPICE_API std::vector<double> erk_levels(
    const std::vector<std::vector<int64_t>>& shapes,
    double sparsity);

/// The fraction of each layer among the trunc(sparsity * n) smallest magnitudes
/// of all n weights. Ties: the earlier layer's are dropped.
///
/// Errors: a weight is empty, not floating or not finite.
COPPICE_API std::vector<double> magnitude_levels(
    const std::vector<torch::Tensor>& weights,
    double sparsity);

/// Options of `owl_levels`.
struct OwlOptions {
  /// A score above this multiple of its layer's mean is an outlier.
  double multiple = 5;
  /// Half the largest distance between the levels of two layers.
  double lambda = 0.08;
};

/// Layers with more outliers keep more. The mean of the levels is the sparsity;
/// all layers have equal weight, whatever their size.
///
/// `scores`: those of each layer's weights, |W_ij| sqrt(G_jj).
/// Errors: scores are empty or not floating; a level would not be in [0, 1].
/// Source: Yin et al. 2023, arXiv:2310.05175.
COPPICE_API std::vector<double> owl_levels(
    const std::vector<torch::Tensor>& scores,
    double sparsity,
    const OwlOptions& options = {});

/// The levels with the least total of measured costs that reach a fraction of
/// zeros, along the lower convex hull of each layer's costs; the last step is
/// taken in part.
///
/// `costs`: for each layer, its cost at each of `levels`.
/// `sizes`: weights of each layer.
/// `levels`: ascending from 0.
/// Errors: the sizes of these differ, a cost is not finite, or the highest
///   level is less than the sparsity.
COPPICE_API std::vector<double> cheapest_levels(
    const std::vector<std::vector<double>>& costs,
    const std::vector<int64_t>& sizes,
    const std::vector<double>& levels,
    double sparsity);

} // namespace coppice
