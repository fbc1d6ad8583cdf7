#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>

#include "coppice/schedule/allocation.h"

namespace coppice {
namespace {

using Numbers = std::vector<double>;

/// A step from one level of a layer to a higher one.
struct HullStep {
  double price; ///< Cost per zero.
  size_t layer;
  size_t from, to;
};

void check_costs(
    const std::vector<Numbers>& costs,
    const std::vector<int64_t>& sizes,
    const Numbers& levels) {
  TORCH_CHECK_VALUE(
      !costs.empty() && costs.size() == sizes.size(),
      "cheapest_levels: expected as many sizes as layers, one or more; got ",
      sizes.size(),
      " and ",
      costs.size());
  TORCH_CHECK_VALUE(
      !levels.empty() && levels.front() == 0 && levels.back() <= 1 &&
          std::adjacent_find(
              levels.begin(), levels.end(), std::greater_equal<>()) ==
              levels.end(),
      "cheapest_levels: expected levels that rise from 0 to at most 1");
  for (size_t i = 0; i < costs.size(); ++i) {
    TORCH_CHECK_VALUE(
        costs[i].size() == levels.size() && sizes[i] > 0 &&
            std::all_of(
                costs[i].begin(),
                costs[i].end(),
                [](double cost) { return std::isfinite(cost); }),
        "cheapest_levels: expected a finite cost at each of ",
        levels.size(),
        " levels and a positive size of layer ",
        i);
  }
}

/// Adds the lower hull of a layer's costs, lowest slope first.
void add_hull(
    const Numbers& costs,
    const Numbers& levels,
    size_t layer,
    int64_t size,
    std::vector<HullStep>& steps) {
  for (size_t from = 0; from + 1 < levels.size();) {
    const auto slope = [&](size_t to) {
      return (costs[to] - costs[from]) / (levels[to] - levels[from]);
    };
    size_t best = from + 1;
    for (size_t to = from + 2; to < levels.size(); ++to) {
      best = slope(to) < slope(best) ? to : best;
    }
    steps.push_back(
        {slope(best) / static_cast<double>(size), layer, from, best});
    from = best;
  }
}

} // namespace

std::vector<double> cheapest_levels(
    const std::vector<Numbers>& costs,
    const std::vector<int64_t>& sizes,
    const Numbers& levels,
    double sparsity) {
  check_costs(costs, sizes, levels);
  TORCH_CHECK_VALUE(
      sparsity >= 0 && sparsity <= levels.back(),
      "cheapest_levels: no allocation reaches a sparsity of ",
      sparsity,
      "; the layers were measured from 0 to ",
      levels.back());
  std::vector<HullStep> steps;
  double need = 0;
  for (size_t i = 0; i < costs.size(); ++i) {
    add_hull(costs[i], levels, i, sizes[i], steps);
    need += sparsity * static_cast<double>(sizes[i]);
  }
  std::stable_sort(
      steps.begin(), steps.end(), [](const HullStep& a, const HullStep& b) {
        return a.price < b.price;
      });
  Numbers found(costs.size(), 0);
  for (const auto& step : steps) {
    if (need <= 0) {
      break;
    }
    const double length = levels[step.to] - levels[step.from];
    const double zeros = length * static_cast<double>(sizes[step.layer]);
    const double part = std::min(1.0, need / zeros);
    found[step.layer] = levels[step.from] + part * length;
    need -= part * zeros;
  }
  return found;
}

} // namespace coppice
