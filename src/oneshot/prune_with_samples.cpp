#include "oneshot/prune_with_samples.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include "calibration/paired_moments.h"
#include "calibration/recalibrated_norms.h"
#include "io/output_file.h"
#include "oneshot/allocate_targets.h"
#include "oneshot/compare_outputs.h"
#include "oneshot/sampled_file.h"
#include "oneshot/sampled_report.h"
#include "oneshot/sampled_work.h"
#include "oneshot/solve_layer.h"
#include "oneshot/source_passes.h"
#include "oneshot/weight_values.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;

/// Prunes one model by samples.
class SampledPruning {
 public:
  SampledPruning(
      const calibration::ModelLoader& load,
      const SampledOptions& options,
      SurveyedModel model)
      : load_(load), options_(options), model_(std::move(model)) {}

  SampledReport run(const Checkpoint& input, const std::string& output) {
    tell_work();
    allocate_targets(
        load_,
        model_,
        options_,
        options_.measured ? &*options_.measured : nullptr);
    if (options_.sequential) {
      solve_in_order();
    } else {
      solve_at_once();
    }
    if (options_.recalibrate_norms) {
      recalibrate();
    }
    compare();
    add_tensors(targets_, report_);
    if (!options_.dry_run) {
      write_changed(input, targets_.changed(), output);
    }
    return std::move(report_);
  }

 private:
  void tell_work() {
    report_.work = work_of(model_, options_.memory, options_.sequential);
    if (options_.begin) {
      options_.begin(report_.work);
    }
  }

  void solve_at_once() {
    const auto begin_again = [&] {
      targets_.forget_solved();
      tell_work();
    };
    collect_in_passes(
        load_,
        model_,
        options_,
        begin_again,
        [&](size_t source, const auto& moments) {
          solve_source(source, moments, {});
        });
  }

  void solve_in_order() {
    const auto samples = static_cast<int64_t>(model_.choice.calibration.size());
    const auto all =
        samples * static_cast<int64_t>(model_.survey.sources.size());
    for (size_t i = 0; i < model_.survey.sources.size(); ++i) {
      const auto paired = calibration::paired_moments(
          load_,
          [this](torch::jit::Module& module) { targets_.change(module); },
          targets_.names(),
          model_.survey,
          i,
          model_.samples,
          model_.choice.calibration,
          model_.batch,
          [&](int64_t done) {
            options_.tell(
                "running samples",
                static_cast<int64_t>(i) * samples + done,
                all);
          });
      solve_source(i, paired.now, paired.cross);
    }
  }

  /// Prunes the weights that read one source.
  void solve_source(
      size_t source,
      const std::vector<SecondMoments>& moments,
      const std::vector<Tensor>& cross) {
    for (const auto i : model_.survey.sources[source].parts) {
      const auto& part = model_.survey.parts[i];
      options_.tell(
          "solving layers",
          static_cast<int64_t>(i) + 1,
          static_cast<int64_t>(model_.survey.parts.size()));
      const auto target = part.tensor;
      const torch::NoGradGuard no_grad;
      const auto weight =
          part.of(targets_.all()[target].dense).detach().contiguous();
      try {
        const auto solved =
            solve_layer(weight, moments, cross, targets_.modifier(target));
        targets_.keep(target, part, solved);
        if (model_.survey.sources[source].kind == SecondMoments::Kind::Full) {
          add_error(target, weight, solved.weight, moments);
        }
      } catch (c10::Error& error) {
        rethrow_of(targets_.stored(target), error);
      }
    }
  }

  void add_error(
      size_t target,
      const Tensor& weight,
      const Tensor& pruned,
      const std::vector<SecondMoments>& moments) {
    const auto groups = static_cast<int64_t>(moments.size());
    for (int64_t i = 0; i < groups; ++i) {
      const auto before = weight.chunk(groups, 0)[i];
      targets_.add_error(
          target,
          layer_error(before, pruned.chunk(groups, 0)[i], moments[i]),
          layer_error(before, torch::zeros_like(before), moments[i]));
    }
  }

  void recalibrate() {
    auto norms = calibration::recalibrated_norms(
        load_,
        [this](torch::jit::Module& module) { targets_.change(module); },
        model_.samples,
        model_.choice.calibration,
        model_.batch,
        [&](int64_t done) {
          options_.tell("re-estimating norms", done, report_.work.samples);
        });
    for (const auto& [name, tensor] : norms) {
      report_.norms.push_back(name);
    }
    targets_.set_norms(std::move(norms));
  }

  void compare() {
    const auto& which = model_.compared();
    report_.change = compare_outputs(
        load_,
        targets_,
        model_.survey,
        model_.samples,
        which,
        model_.batch,
        options_.labels,
        [&](int64_t done) {
          options_.tell(
              "comparing outputs", done, static_cast<int64_t>(which.size()));
        });
    report_.change.is_held_back = !model_.choice.held_back.empty();
  }

  const calibration::ModelLoader& load_;
  const SampledOptions& options_;
  SurveyedModel model_;
  SampledTargets& targets_ = model_.targets;
  SampledReport report_;
};

} // namespace

SampledReport prune_with_samples(
    const Checkpoint& input,
    const calibration::ModelLoader& load,
    std::vector<c10::IValue> inputs,
    const Recipe& recipe,
    const std::string& output,
    const SampledOptions& options) {
  for (const auto& modifier : recipe) {
    TORCH_CHECK_VALUE(
        modifier.scope == Scope::Tensor,
        "pruning by samples has no scope `global`; allocate levels by "
        "`--allocation global`");
  }
  if (!options.dry_run) {
    require_other_file(output, input);
  }
  return SampledPruning(
             load,
             options,
             survey_model(input, load, std::move(inputs), recipe, options))
      .run(input, output);
}

} // namespace coppice::oneshot
