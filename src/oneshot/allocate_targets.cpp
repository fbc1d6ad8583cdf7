#include "oneshot/allocate_targets.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>

#include "oneshot/source_passes.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;
using Moments = std::vector<SecondMoments>;

/// |W_ij| times the root of the mean square of input j, a group at a time.
Tensor outlier_scores(const Tensor& weight, const Moments& moments) {
  const auto groups = static_cast<int64_t>(moments.size());
  std::vector<Tensor> scores;
  for (int64_t i = 0; i < groups; ++i) {
    const auto rows = std::max<int64_t>(1, moments[i].rows());
    const auto norms = moments[i].diagonal().div(rows).sqrt();
    const auto part = weight.chunk(groups, 0)[i].flatten(1).abs();
    scores.push_back(part.to(torch::kFloat) * norms.to(torch::kFloat));
  }
  return torch::cat(scores);
}

LayerToAllocate layer_of(
    const SurveyedModel& model,
    size_t target,
    const std::vector<Moments>& moments) {
  LayerToAllocate layer;
  layer.name = model.targets.names()[target];
  const auto& dense = model.targets.all()[target].dense;
  layer.shape = dense.sizes().vec();
  for (const auto& part : model.survey.parts) {
    if (part.tensor != target) {
      continue;
    }
    const auto weight = part.of(dense).detach();
    layer.parts.push_back(weight);
    if (!moments.empty()) {
      layer.outlier_scores.push_back(
          outlier_scores(weight, moments[part.source]));
    }
  }
  return layer;
}

} // namespace

bool goes_by_outliers(const SampledTargets& targets) {
  for (size_t i = 0; i < targets.all().size(); ++i) {
    if (!targets.is_left(i) &&
        targets.modifier(i).allocation == Allocation::OWL) {
      return true;
    }
  }
  return false;
}

void allocate_targets(
    const calibration::ModelLoader& load,
    SurveyedModel& model,
    const SampleUse& use,
    const Sensitivity* measured) {
  const torch::NoGradGuard no_grad;
  auto& targets = model.targets;
  const auto moments = goes_by_outliers(targets)
      ? squares_of_inputs(load, model, use)
      : std::vector<Moments>();
  for (const auto& rule : *targets.plan().recipe) {
    std::vector<size_t> own;
    std::vector<LayerToAllocate> layers;
    for (size_t i = 0; i < targets.all().size(); ++i) {
      if (targets.plan().tensors[targets.all()[i].index].modifier == &rule) {
        own.push_back(i);
        layers.push_back(layer_of(model, i, moments));
      }
    }
    if (own.empty() || rule.allocation == Allocation::Uniform) {
      continue;
    }
    const auto levels = allocated_levels(rule, layers, measured);
    for (size_t i = 0; i < own.size(); ++i) {
      targets.set_level(own[i], levels[i]);
    }
  }
}

} // namespace coppice::oneshot
