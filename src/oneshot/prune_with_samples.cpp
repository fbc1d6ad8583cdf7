#include "oneshot/prune_with_samples.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <map>

#include "calibration/layer_inputs.h"
#include "calibration/paired_moments.h"
#include "calibration/recalibrated_norms.h"
#include "calibration/sample_choice.h"
#include "io/output_file.h"
#include "oneshot/compare_outputs.h"
#include "oneshot/sampled_file.h"
#include "oneshot/sampled_report.h"
#include "oneshot/sampled_targets.h"
#include "oneshot/sampled_work.h"
#include "oneshot/solve_layer.h"
#include "oneshot/weight_values.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;

/// Prunes one model by samples.
class SampledPruning {
 public:
  SampledPruning(
      const Checkpoint& input,
      const calibration::ModelLoader& load,
      const Recipe& recipe,
      const SampledOptions& options)
      : input_(input),
        load_(load),
        options_(options),
        module_(load()),
        targets_(plan_pruning(input, recipe), module_) {
    for (const auto& modifier : recipe) {
      TORCH_CHECK_VALUE(
          modifier.scope == Scope::Tensor,
          "pruning by samples has no scope `global`; leave it out");
      selection_of(modifier); // Checks the method's options.
    }
  }

  SampledReport run(
      std::vector<c10::IValue> inputs,
      const std::string& output) {
    const calibration::Samples samples(
        module_, std::move(inputs), options_.are_single);
    samples_ = &samples;
    TORCH_CHECK_VALUE(
        !options_.labels.defined() ||
            options_.labels.size(0) == samples.count(),
        "labels: expected ",
        samples.count(),
        ", one for each sample, got ",
        options_.labels.defined() ? options_.labels.size(0) : 0);
    batch_ = samples.batch_of(options_.batch);
    choice_ = calibration::choose_samples(
        samples.count(),
        options_.samples.value_or(samples.count()),
        options_.seed,
        /*in_order=*/calibration::has_op(module_, "prim::SetAttr"));
    survey();
    tell_work();
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
      write_changed(input_, targets_.changed(), output);
    }
    return std::move(report_);
  }

 private:
  void survey() {
    std::vector<bool> needs_all;
    for (size_t i = 0; i < targets_.all().size(); ++i) {
      needs_all.push_back(needs_all_moments(targets_.modifier(i).method));
    }
    survey_ = calibration::survey_layers(
        load_,
        targets_.names(),
        needs_all,
        *samples_,
        choice_.calibration,
        batch_);
    std::map<std::string, int> reasons;
    for (size_t i = 0; i < targets_.all().size(); ++i) {
      if (!survey_.left_because[i].empty()) {
        const auto reason = why_left(i);
        ++reasons[reason];
        targets_.leave(i, reason);
      }
    }
    if (survey_.parts.empty()) {
      const auto most = std::max_element(
          reasons.begin(), reasons.end(), [](const auto& a, const auto& b) {
            return a.second < b.second;
          });
      TORCH_CHECK_VALUE(
          false,
          "none of the weights can be pruned by samples",
          most == reasons.end()
              ? ""
              : " (most frequent reason: " + most->first + ")",
          "; prune by magnitude, without --calibration");
    }
  }

  std::string why_left(size_t target) const {
    const auto& evidence = targets_.plan().evidence;
    const auto* use =
        evidence ? evidence->find(targets_.names()[target]) : nullptr;
    const bool never_ran =
        survey_.left_because[target].rfind("it never", 0) == 0;
    return never_ran && use != nullptr && use->is_computed_with
        ? "its op uses values computed from it"
        : survey_.left_because[target];
  }

  void tell_work() {
    report_.work = work_of(survey_, choice_, options_);
    if (options_.begin) {
      options_.begin(report_.work);
    }
  }

  void tell(const std::string& what, int64_t done, int64_t total) const {
    if (options_.progress) {
      options_.progress(what, done, total);
    }
  }

  void solve_at_once() {
    const auto per_pass = static_cast<int64_t>(choice_.calibration.size());
    const auto all = per_pass * report_.work.passes;
    int64_t pass = 0;
    for (size_t first = 0; first < survey_.sources.size(); ++pass) {
      const auto last = end_of_pass(survey_, first, options_.memory);
      std::vector<std::vector<SecondMoments>> moments;
      try {
        moments = calibration::collect_moments(
            load_,
            targets_.names(),
            survey_,
            first,
            last,
            *samples_,
            choice_.calibration,
            batch_,
            [&](int64_t done) {
              tell("running samples", pass * per_pass + done, all);
            });
      } catch (const calibration::SourcesDiffer&) {
        calibration::part_sources(survey_);
        targets_.forget_solved();
        tell_work();
        solve_at_once();
        return;
      }
      for (size_t i = first; i < last; ++i) {
        solve_source(i, moments[i - first], {});
        moments[i - first].clear();
      }
      first = last;
    }
  }

  void solve_in_order() {
    const auto samples = static_cast<int64_t>(choice_.calibration.size());
    const auto all = samples * static_cast<int64_t>(survey_.sources.size());
    for (size_t i = 0; i < survey_.sources.size(); ++i) {
      const auto paired = calibration::paired_moments(
          load_,
          [this](torch::jit::Module& module) { targets_.change(module); },
          targets_.names(),
          survey_,
          i,
          *samples_,
          choice_.calibration,
          batch_,
          [&](int64_t done) {
            tell(
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
    for (const auto i : survey_.sources[source].parts) {
      const auto& part = survey_.parts[i];
      tell(
          "solving layers",
          static_cast<int64_t>(i) + 1,
          static_cast<int64_t>(survey_.parts.size()));
      const auto target = part.tensor;
      const torch::NoGradGuard no_grad;
      const auto weight =
          part.of(targets_.all()[target].dense).detach().contiguous();
      try {
        const auto solved =
            solve_layer(weight, moments, cross, targets_.modifier(target));
        targets_.keep(target, part, solved);
        if (survey_.sources[source].kind == SecondMoments::Kind::Full) {
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
        *samples_,
        choice_.calibration,
        batch_,
        [&](int64_t done) {
          tell("re-estimating norms", done, report_.work.samples);
        });
    for (const auto& [name, tensor] : norms) {
      report_.norms.push_back(name);
    }
    targets_.set_norms(std::move(norms));
  }

  void compare() {
    const bool is_held_back = !choice_.held_back.empty();
    const auto& which = is_held_back ? choice_.held_back : choice_.calibration;
    report_.change = compare_outputs(
        load_,
        targets_,
        survey_,
        *samples_,
        which,
        batch_,
        options_.labels,
        [&](int64_t done) {
          tell("comparing outputs", done, static_cast<int64_t>(which.size()));
        });
    report_.change.is_held_back = is_held_back;
  }

  const Checkpoint& input_;
  const calibration::ModelLoader& load_;
  const SampledOptions& options_;
  torch::jit::Module module_; ///< Never runs.
  SampledTargets targets_;
  const calibration::Samples* samples_ = nullptr;
  calibration::SampleChoice choice_;
  int64_t batch_ = 1;
  calibration::LayerSurvey survey_;
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
  TORCH_CHECK_VALUE(
      options.batch > 0,
      "calibration: expected a batch of 1 or more, got ",
      options.batch);
  if (!options.dry_run) {
    require_other_file(output, input);
  }
  return SampledPruning(input, load, recipe, options)
      .run(std::move(inputs), output);
}

} // namespace coppice::oneshot
