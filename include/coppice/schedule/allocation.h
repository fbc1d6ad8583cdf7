#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "coppice/export.h"

/// How many zeros each layer gets, so that all of them together have a share
/// asked for: pure functions from sizes, scores or costs to a sparsity a layer.
///
/// Errors: all throw c10::ValueError if there are no layers or the sparsity is
/// not in [0, 1], and where said.
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

/// The share of each layer among the trunc(sparsity * n) smallest magnitudes of
/// all n weights; of equal ones the earlier layer's fall first.
///
/// Errors: a weight is empty, not floating or not finite.
COPPICE_API std::vector<double> magnitude_levels(
    const std::vector<torch::Tensor>& weights,
    double sparsity);

/// Options of `owl_levels`.
struct OwlOptions {
  /// A score above so many times the mean of its layer is an outlier.
  double multiple = 5;
  /// No layer is farther than that from the mean of all levels, times two.
  double lambda = 0.08;
};

/// Layers with more outliers keep more. The mean of all levels is the sparsity;
/// layers count alike whatever their size.
///
/// `scores`: of each layer's weights, as |W_ij| sqrt(G_jj).
/// Errors: scores are empty or not floating; a level would not be in [0, 1].
/// Source: Yin et al. 2023, arXiv:2310.05175.
COPPICE_API std::vector<double> owl_levels(
    const std::vector<torch::Tensor>& scores,
    double sparsity,
    const OwlOptions& options = {});

/// Levels with the share of zeros asked for whose measured costs add up to the
/// least, along the lower convex hull of each layer's costs: the last step that
/// is needed is taken in part.
///
/// `costs`: a layer each, at each of `levels`.
/// `sizes`: weights a layer.
/// `levels`: rising from 0.
/// Errors: the sizes of these differ, a cost is not finite, or the highest
///   level is less than the sparsity.
COPPICE_API std::vector<double> cheapest_levels(
    const std::vector<std::vector<double>>& costs,
    const std::vector<int64_t>& sizes,
    const std::vector<double>& levels,
    double sparsity);

} // namespace coppice
