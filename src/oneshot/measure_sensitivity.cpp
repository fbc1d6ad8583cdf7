#include "oneshot/measure_sensitivity.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <map>

#include "calibration/dense_outputs.h"
#include "calibration/tensors_by_memory.h"
#include "oneshot/allocated_levels.h"
#include "oneshot/sampled_work.h"
#include "oneshot/solve_layer.h"
#include "oneshot/source_passes.h"
#include "oneshot/weight_values.h"

namespace coppice::oneshot {
namespace {

using calibration::OutputChange;
using torch::Tensor;

/// Limit for the dense model's outputs in memory.
constexpr int64_t kOutputBytes = int64_t(1) << 30;

class Analysis {
 public:
  Analysis(
      const calibration::ModelLoader& load,
      const AnalysisOptions& options,
      SurveyedModel model)
      : load_(load),
        options_(options),
        model_(std::move(model)),
        outputs_(
            load_,
            model_.samples,
            model_.compared(),
            model_.batch,
            kOutputBytes) {}

  AnalysisReport run() {
    begin();
    collect_in_passes(
        load_,
        model_,
        options_,
        [this] { begin(); },
        [this](size_t source, const auto& moments) {
          solve_source(source, moments);
        });
    AnalysisReport report;
    report.work = work_;
    report.sensitivity.levels = options_.levels;
    for (auto& [target, layer] : measured_) { // In the order of the file.
      report.sensitivity.layers.push_back(std::move(layer));
    }
    const auto& plan = model_.targets.plan();
    for (size_t i = 0; i < plan.tensors.size(); ++i) {
      if (plan.tensors[i].modifier == nullptr) {
        report.left.emplace_back(
            plan.tensor(i).name, plan.tensors[i].left_because);
      }
    }
    return report;
  }

 private:
  /// A weight at all levels, as parts of it are solved.
  struct Variants {
    std::vector<Tensor> at_levels;
    size_t parts = 0; ///< That are solved.
  };

  void begin() {
    variants_.clear();
    measured_.clear();
    steps_done_ = 0;
    parts_of_.assign(model_.targets.all().size(), 0);
    for (const auto& part : model_.survey.parts) {
      ++parts_of_[part.tensor];
    }
    work_ = work_of(model_, options_.memory, /*sequential=*/false);
    if (options_.begin) {
      options_.begin(work_);
    }
  }

  void step(size_t target, double level) {
    const auto layers = static_cast<int64_t>(std::count_if(
        parts_of_.begin(), parts_of_.end(), [](size_t n) { return n > 0; }));
    const auto levels = static_cast<int64_t>(options_.levels.size());
    const auto all = levels *
        (static_cast<int64_t>(model_.survey.parts.size()) +
         layers * outputs_.batches());
    ++steps_done_;
    if (options_.measuring) {
      options_.measuring(
          model_.targets.names()[target], level, steps_done_, all);
    }
  }

  /// Prunes the weights that read one source.
  void solve_source(size_t source, const std::vector<SecondMoments>& moments) {
    for (const auto i : model_.survey.sources[source].parts) {
      const auto target = model_.survey.parts[i].tensor;
      try {
        solve_part(i, moments);
      } catch (c10::Error& error) {
        rethrow_of(model_.targets.stored(target), error);
      }
      if (variants_[target].parts == parts_of_[target]) {
        measure(target);
        variants_.erase(target);
      }
    }
  }

  void solve_part(size_t i, const std::vector<SecondMoments>& moments) {
    const torch::NoGradGuard no_grad;
    const auto& part = model_.survey.parts[i];
    const auto& dense = model_.targets.all()[part.tensor].dense;
    const auto weight = part.of(dense).detach().contiguous();
    auto& variants = variants_[part.tensor];
    auto rule = model_.targets.modifier(part.tensor);
    for (size_t k = 0; k < options_.levels.size(); ++k) {
      rule.pattern.sparsity_level = options_.levels[k];
      const auto solved = solve_layer(weight, moments, {}, rule);
      if (variants.at_levels.size() <= k) {
        variants.at_levels.push_back(
            at::empty_strided(dense.sizes(), dense.strides(), dense.options()));
        variants.at_levels[k].copy_(dense);
      }
      part.of(variants.at_levels[k]).copy_(solved.weight);
      step(part.tensor, options_.levels[k]);
    }
    ++variants.parts;
  }

  void measure(size_t target) {
    LayerSensitivity layer;
    layer.name = model_.targets.names()[target];
    layer.shape = model_.targets.all()[target].dense.sizes().vec();
    for (size_t k = 0; k < options_.levels.size(); ++k) {
      layer.changes.push_back(change_with(
          target, variants_[target].at_levels[k], options_.levels[k]));
    }
    measured_[target] = std::move(layer);
  }

  /// How the model's outputs change with `pruned` in the place of a weight.
  OutputChange change_with(size_t target, const Tensor& pruned, double level) {
    auto module = load_();
    const calibration::TensorsByMemory tensors(
        module, {model_.targets.names()[target]});
    {
      const torch::NoGradGuard no_grad;
      tensors.at(0).detach().copy_(pruned);
    }
    calibration::OutputComparison comparison(options_.labels);
    outputs_.for_each([&](const auto& which, const c10::IValue& dense) {
      calibration::run_samples(
          module,
          model_.samples,
          which,
          model_.batch,
          [&](auto, auto, const c10::IValue& output) {
            comparison.add(dense, output, which);
          });
      step(target, level);
    });
    auto change = comparison.change();
    change.is_held_back = !model_.choice.held_back.empty();
    return change;
  }

  const calibration::ModelLoader& load_;
  const AnalysisOptions& options_;
  SurveyedModel model_;
  calibration::DenseOutputs outputs_;
  SampledWork work_;
  std::vector<size_t> parts_of_; ///< How many parts each target has.
  std::map<size_t, Variants> variants_;
  std::map<size_t, LayerSensitivity> measured_;
  int64_t steps_done_ = 0;
};

void check_levels(const std::vector<double>& levels) {
  TORCH_CHECK_VALUE(!levels.empty(), "expected one level or more to measure");
  for (size_t i = 0; i < levels.size(); ++i) {
    TORCH_CHECK_VALUE(
        levels[i] > 0 && levels[i] <= 1 &&
            (i == 0 || levels[i] > levels[i - 1]),
        "expected levels that rise, above 0 and up to 1, got ",
        levels[i],
        i == 0 ? "" : c10::str(" after ", levels[i - 1]));
  }
}

} // namespace

AnalysisReport measure_sensitivity(
    const Checkpoint& input,
    const calibration::ModelLoader& load,
    std::vector<c10::IValue> inputs,
    const Recipe& recipe,
    const AnalysisOptions& options) {
  check_levels(options.levels);
  for (auto rule : recipe) {
    rule.allocation = Allocation::Measured;
    check_allocation(rule);
  }
  return Analysis(
             load,
             options,
             survey_model(input, load, std::move(inputs), recipe, options))
      .run();
}

} // namespace coppice::oneshot
