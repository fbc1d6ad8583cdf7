#include "oneshot/allocated_levels.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <c10/util/accumulate.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "coppice/schedule/allocation.h"
#include "core/fqn.h"
#include "oneshot/scores.h"

namespace coppice::oneshot {
namespace {

using Layers = std::vector<LayerToAllocate>;
using Levels = std::vector<double>;

int64_t size_of(const LayerToAllocate& layer) {
  return c10::multiply_integers(layer.shape);
}

/// The level that layers have together.
double whole_level(const Layers& layers, const Levels& levels) {
  double zeros = 0;
  double all = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto size = static_cast<double>(size_of(layers[i]));
    zeros += levels[i] * size;
    all += size;
  }
  return zeros / all;
}

Levels erk(const PruneModifier& rule, const Layers& layers) {
  std::vector<std::vector<int64_t>> shapes;
  for (const auto& layer : layers) {
    shapes.push_back(layer.shape);
  }
  return erk_levels(shapes, rule.pattern.sparsity_level);
}

torch::Tensor joined(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> flat;
  for (const auto& tensor : tensors) {
    flat.push_back(tensor.reshape(-1));
  }
  return torch::cat(flat);
}

Levels global(const PruneModifier& rule, const Layers& layers) {
  std::vector<torch::Tensor> scores;
  for (const auto& layer : layers) {
    std::vector<torch::Tensor> own;
    for (const auto& part : layer.parts) {
      own.push_back(scores_of(part.flatten(1).contiguous(), rule));
    }
    scores.push_back(joined(own));
  }
  return magnitude_levels(scores, rule.pattern.sparsity_level);
}

/// Moves levels by one amount so that layers have `level` together.
void move_to(double level, const Layers& layers, Levels& levels) {
  const double by = level - whole_level(layers, levels);
  for (size_t i = 0; i < levels.size(); ++i) {
    levels[i] += by;
    // What rounding adds is not out of reach.
    TORCH_CHECK_VALUE(
        levels[i] > -1e-9 && levels[i] < 1 + 1e-9,
        "by outliers `",
        layers[i].name,
        "` would get a level of ",
        levels[i],
        ", which is not in [0, 1]; give a smaller lambda or another sparsity "
        "than ",
        level);
    levels[i] = std::clamp(levels[i], 0.0, 1.0);
  }
}

Levels owl(const PruneModifier& rule, const Layers& layers) {
  std::map<std::string, size_t> places;
  std::vector<size_t> block_of_layer;
  std::vector<std::vector<torch::Tensor>> scores;
  for (const auto& layer : layers) {
    const auto [at, is_new] =
        places.emplace(numbered_block(layer.name), scores.size());
    if (is_new) {
      scores.emplace_back();
    }
    block_of_layer.push_back(at->second);
    auto& block = scores[at->second];
    block.insert(
        block.end(), layer.outlier_scores.begin(), layer.outlier_scores.end());
  }
  std::vector<torch::Tensor> blocks;
  for (auto& block : scores) {
    blocks.push_back(joined(block));
    block.clear();
  }
  // Half of the weights is a level from which none is out of reach.
  const auto by_block = owl_levels(blocks, 0.5, rule.owl);
  Levels levels;
  for (const auto block : block_of_layer) {
    levels.push_back(by_block[block]);
  }
  move_to(rule.pattern.sparsity_level, layers, levels);
  return levels;
}

size_t measured_place(
    const LayerToAllocate& layer,
    const Sensitivity& measured) {
  const auto found = std::find_if(
      measured.layers.begin(), measured.layers.end(), [&](const auto& each) {
        return each.name == layer.name;
      });
  TORCH_CHECK_VALUE(
      found != measured.layers.end(),
      "the allocation file has no layer `",
      layer.name,
      "`, which is to be pruned; exclude it, or run `coppice analyze` on this "
      "model");
  TORCH_CHECK_VALUE(
      found->shape == layer.shape,
      "the allocation file is of another model: its `",
      layer.name,
      "` has the shape ",
      fmt::format("{}", fmt::join(found->shape, "x")),
      ", and the model's has ",
      fmt::format("{}", fmt::join(layer.shape, "x")),
      "; run `coppice analyze` on this one");
  return found - measured.layers.begin();
}

Levels cheapest(
    const PruneModifier& rule,
    const Layers& layers,
    const Sensitivity* measured) {
  TORCH_CHECK_VALUE(
      measured != nullptr,
      "no costs are given to allocate levels by; run `coppice analyze`");
  TORCH_CHECK_VALUE(
      rule.pattern.sparsity_level <= measured->levels.back(),
      "no allocation reaches a sparsity of ",
      rule.pattern.sparsity_level,
      ": layers were measured up to ",
      measured->levels.back(),
      "; run `coppice analyze` with higher --levels");
  Levels levels{0};
  levels.insert(levels.end(), measured->levels.begin(), measured->levels.end());
  std::vector<Levels> costs;
  std::vector<int64_t> sizes;
  for (const auto& layer : layers) {
    const auto own = measured->costs(measured_place(layer, *measured));
    costs.push_back({0});
    costs.back().insert(costs.back().end(), own.begin(), own.end());
    sizes.push_back(size_of(layer));
  }
  return cheapest_levels(costs, sizes, levels, rule.pattern.sparsity_level);
}

} // namespace

std::string numbered_block(const std::string& name) {
  std::string block;
  for (const auto& part : fqn_parts(name)) {
    block = join_fqn(block, part);
    if (!part.empty() &&
        part.find_first_not_of("0123456789") == std::string::npos) {
      return block;
    }
  }
  return name;
}

void check_allocation(const PruneModifier& rule) {
  const auto& pattern = rule.pattern;
  TORCH_CHECK_VALUE(
      rule.allocation == Allocation::Uniform || pattern.sparsity_level < 1 ||
          pattern.zeros_per_block == pattern.sparse_block_shape.size(),
      "a pattern such as 2:4 has one level, which cannot be allocated; give a "
      "sparsity, or leave the allocation out");
}

std::vector<double> allocated_levels(
    const PruneModifier& rule,
    const std::vector<LayerToAllocate>& layers,
    const Sensitivity* measured) {
  check_allocation(rule);
  switch (rule.allocation) {
    case Allocation::Uniform:
      break;
    case Allocation::ERK:
      return erk(rule, layers);
    case Allocation::Global:
      return global(rule, layers);
    case Allocation::OWL:
      return owl(rule, layers);
    case Allocation::Measured:
      return cheapest(rule, layers, measured);
  }
  return uniform_levels(
      static_cast<int64_t>(layers.size()), rule.pattern.sparsity_level);
}

} // namespace coppice::oneshot
