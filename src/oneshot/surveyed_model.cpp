#include "oneshot/surveyed_model.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <map>

#include "oneshot/allocated_levels.h"
#include "oneshot/solve_layer.h"

namespace coppice::oneshot {
namespace {

std::string why_left(const SurveyedModel& model, size_t target) {
  const auto& reason = model.survey.left_because[target];
  const auto& evidence = model.targets.plan().evidence;
  const auto* use =
      evidence ? evidence->find(model.targets.names()[target]) : nullptr;
  const bool never_ran = reason.rfind("it never", 0) == 0;
  return never_ran && use != nullptr && use->is_computed_with
      ? "its op uses values computed from it"
      : reason;
}

/// Errors: c10::ValueError if there is no layer left.
void leave_unfit(SurveyedModel& model) {
  std::map<std::string, int> reasons;
  for (size_t i = 0; i < model.targets.all().size(); ++i) {
    if (!model.survey.left_because[i].empty()) {
      const auto reason = why_left(model, i);
      ++reasons[reason];
      model.targets.leave(i, reason);
    }
  }
  const auto most = std::max_element(
      reasons.begin(), reasons.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      });
  TORCH_CHECK_VALUE(
      !model.survey.parts.empty(),
      "none of the weights can be pruned by samples",
      most == reasons.end() ? ""
                            : " (most frequent reason: " + most->first + ")",
      "; prune by magnitude, without --calibration");
}

void check_labels(const torch::Tensor& labels, int64_t samples) {
  TORCH_CHECK_VALUE(
      !labels.defined() || labels.size(0) == samples,
      "labels: expected ",
      samples,
      ", one for each sample, got ",
      labels.defined() ? labels.size(0) : 0);
}

} // namespace

SurveyedModel survey_model(
    const Checkpoint& input,
    const calibration::ModelLoader& load,
    std::vector<c10::IValue> inputs,
    const Recipe& recipe,
    const SampleUse& use) {
  TORCH_CHECK_VALUE(
      use.batch > 0,
      "calibration: expected a batch of 1 or more, got ",
      use.batch);
  const auto module = load(); // Never runs.
  SurveyedModel model{
      SampledTargets(plan_pruning(input, recipe), module),
      calibration::Samples(module, std::move(inputs), use.are_single),
      {},
      1,
      {}};
  for (const auto& modifier : recipe) {
    selection_of(modifier); // Checks the method's options.
    check_allocation(modifier);
  }
  check_labels(use.labels, model.samples.count());
  model.batch = model.samples.batch_of(use.batch);
  model.choice = calibration::choose_samples(
      model.samples.count(),
      use.samples.value_or(model.samples.count()),
      use.seed,
      /*in_order=*/calibration::has_op(module, "prim::SetAttr"));
  std::vector<bool> needs_all;
  for (size_t i = 0; i < model.targets.all().size(); ++i) {
    needs_all.push_back(needs_all_moments(model.targets.modifier(i).method));
  }
  model.survey = calibration::survey_layers(
      load,
      model.targets.names(),
      needs_all,
      model.samples,
      model.choice.calibration,
      model.batch);
  leave_unfit(model);
  return model;
}

} // namespace coppice::oneshot
