#include "oneshot/prune_with_samples.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <memory>
#include <utility>

#include "calibration/paired_moments.h"
#include "calibration/recalibrated_norms.h"
#include "io/output_file.h"
#include "io/output_steps.h"
#include "oneshot/allocate_targets.h"
#include "oneshot/compare_outputs.h"
#include "oneshot/run_facts.h"
#include "oneshot/sampled_file.h"
#include "oneshot/sampled_report.h"
#include "oneshot/sampled_work.h"
#include "oneshot/solve_layer.h"
#include "oneshot/solved_sources.h"
#include "oneshot/source_passes.h"

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
    allocate_targets(
        load_,
        model_,
        options_,
        options_.measured ? &*options_.measured : nullptr);
    find_solved(input, options_.dry_run ? "" : output);
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
      write_changed(input, targets_.changed(), output);
    }
    solved_->clear();
    return std::move(report_);
  }

  /// Discards what was solved, unless that is all: then only labels are wrong.
  void forget_unfinished() {
    if (solved_ && !solved_->are_all()) {
      solved_->clear();
    }
  }

 private:
  /// Takes the layers that an ended run solved.
  void find_solved(const Checkpoint& input, const std::string& output) {
    const auto& file = *input.files.front();
    RunFacts facts;
    facts.model = model_fact(file);
    facts.samples = digest_of(model_.samples.inputs());
    facts.options = options_fact(options_);
    solved_ = std::make_unique<SolvedSources>(
        targets_, model_.survey, options_, output, std::move(facts));
    if (!output.empty()) { // Before hours of work.
      io::require_disk_space(output, solved_->unsolved_bytes() + file.size());
    }
  }

  void tell_work() {
    report_.work = work_of(model_, options_.memory, options_.sequential);
    report_.work.scratch_bytes = solved_->unsolved_bytes();
    if (options_.begin) {
      options_.begin(report_.work);
    }
  }

  void solve_at_once() {
    const auto begin_again = [&] {
      solved_->take_over();
      tell_work();
    };
    collect_in_passes(
        load_,
        model_,
        options_,
        begin_again,
        [&](size_t source, const auto& moments) {
          solved_->solve(source, moments, {});
        });
  }

  void solve_in_order() {
    const auto samples = static_cast<int64_t>(model_.choice.calibration.size());
    const auto all =
        samples * static_cast<int64_t>(model_.survey.sources.size());
    for (size_t i = 0; i < model_.survey.sources.size(); ++i) {
      if (model_.survey.sources[i].is_solved) {
        continue;
      }
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
      solved_->solve(i, paired.now, paired.cross);
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
  std::unique_ptr<SolvedSources> solved_;
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
  SampledPruning pruning(
      load,
      options,
      survey_model(input, load, std::move(inputs), recipe, options));
  try {
    return pruning.run(input, output);
  } catch (const c10::ValueError&) {
    pruning.forget_unfinished(); // It would fail again.
    throw;
  }
}

} // namespace coppice::oneshot
