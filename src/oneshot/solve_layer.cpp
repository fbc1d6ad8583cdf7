#include "oneshot/solve_layer.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include "coppice/masks/weight_norm.h"
#include "solve/pattern_selection.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;

Solved solve_by_magnitude(const Tensor& weight, const PruneModifier& modifier) {
  Solved solved;
  solved.mask = weight_norm_mask(weight, modifier.pattern, modifier.norm);
  solved.weight = weight.masked_fill(solved.mask.logical_not(), 0);
  return solved;
}

Solved solve_group(
    const Tensor& weight,
    const SecondMoments& moments,
    const PruneModifier& modifier) {
  const auto selection = selection_of(modifier);
  switch (modifier.method) {
    case PruneMethod::Magnitude:
      break; // Needs no samples: the groups are pruned together.
    case PruneMethod::Wanda:
      return solve_wanda(
          weight,
          moments,
          selection,
          WandaOptions().preserve_zeros(modifier.preserve_zeros));
    case PruneMethod::SparseGPT:
      return solve_sparsegpt(
          weight,
          moments,
          selection,
          SparseGPTOptions()
              .block_size(modifier.block_size)
              .dampening(modifier.dampening)
              .preserve_zeros(modifier.preserve_zeros));
    case PruneMethod::ALPS:
      return solve_alps(
          weight,
          moments,
          selection,
          ALPSOptions()
              .dampening(modifier.dampening)
              .preserve_zeros(modifier.preserve_zeros));
  }
  return solve_by_magnitude(weight, modifier);
}

/// The targets of weights whose inputs changed by pruning earlier layers.
Tensor target_of(
    const Tensor& weight,
    const std::vector<SecondMoments>& moments,
    const std::vector<Tensor>& cross,
    const PruneModifier& modifier) {
  std::vector<Tensor> targets;
  const auto groups = static_cast<int64_t>(moments.size());
  for (int64_t i = 0; i < groups; ++i) {
    targets.push_back(dense_output_target(
        weight.chunk(groups, 0)[i], moments[i], cross[i], modifier.dampening));
  }
  const auto target = torch::cat(targets);
  // Zeros of the weight stay zero.
  return modifier.preserve_zeros ? target.masked_fill(weight.eq(0), 0) : target;
}

} // namespace

bool needs_all_moments(PruneMethod method) {
  return method == PruneMethod::SparseGPT || method == PruneMethod::ALPS;
}

std::string method_name(PruneMethod method) {
  switch (method) {
    case PruneMethod::Magnitude:
      return "magnitude";
    case PruneMethod::Wanda:
      return "Wanda";
    case PruneMethod::SparseGPT:
      return "SparseGPT";
    case PruneMethod::ALPS:
      return "ALPS";
  }
  return "";
}

Selection selection_of(const PruneModifier& modifier) {
  const auto& pattern = modifier.pattern;
  const auto block = pattern.sparse_block_shape;
  if (modifier.method == PruneMethod::Magnitude) {
    return {}; // Takes any pattern, and selects by itself.
  }
  TORCH_CHECK_VALUE(
      !solve::is_nm(pattern) || modifier.method != PruneMethod::SparseGPT ||
          modifier.block_size % block.cols == 0,
      "SparseGPT: the block size ",
      modifier.block_size,
      " is not a multiple of the ",
      block.cols,
      " of the pattern; give one that is");
  auto selection = solve::selection_of(method_name(modifier.method), pattern);
  if (modifier.method == PruneMethod::Wanda) {
    selection.among(Selection::Among::Row);
  }
  return selection;
}

Solved solve_layer(
    const Tensor& weight,
    const std::vector<SecondMoments>& moments,
    const std::vector<Tensor>& cross,
    const PruneModifier& modifier) {
  const torch::NoGradGuard no_grad;
  if (modifier.method == PruneMethod::Magnitude) {
    return solve_by_magnitude(weight, modifier);
  }
  const auto target =
      cross.empty() ? weight : target_of(weight, moments, cross, modifier);
  return solve_groups(
      target, moments, [&](const Tensor& part, const SecondMoments& own) {
        return solve_group(part, own, modifier);
      });
}

} // namespace coppice::oneshot
