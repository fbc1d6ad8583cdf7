#include "oneshot/prune_with_samples.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "graph/named_tensors.h"
#include "graph/op_watch.h"
#include "io/output_file.h"
#include "oneshot/paired_moments.h"
#include "oneshot/plan.h"
#include "oneshot/recalibrated_norms.h"
#include "oneshot/sample_choice.h"
#include "oneshot/sampled_file.h"
#include "oneshot/script_evidence.h"
#include "oneshot/solve_layer.h"
#include "oneshot/weight_values.h"

namespace coppice::oneshot {
namespace {

using torch::Tensor;

/// A tensor of the checkpoint that the samples prune.
struct Target {
  size_t index = 0; ///< In the checkpoint.
  Tensor dense;     ///< The model's own.
  Tensor pruned;    ///< Undefined until it is solved; strides of `dense`.
  double error = 0; ///< Sums over its parts.
  double outputs = 0;
};

/// Prunes one model by samples.
class SampledPruning {
 public:
  SampledPruning(
      const Checkpoint& input,
      const ModelLoader& load,
      const Recipe& recipe,
      const SampledOptions& options)
      : input_(input),
        load_(load),
        options_(options),
        evidence_(script_evidence(input)),
        plans_(plan_pruning(input, recipe).tensors),
        module_(load()) {
    for (const auto& modifier : recipe) {
      TORCH_CHECK_VALUE(
          modifier.scope == Scope::Tensor,
          "with samples every layer has its own level; leave the scope "
          "`global` out");
      selection_of(modifier); // Says what the method has not.
    }
    find_targets();
  }

  SampledReport run(
      std::vector<c10::IValue> inputs,
      const std::string& output) {
    const Samples samples(module_, std::move(inputs), options_.are_single);
    samples_ = &samples;
    TORCH_CHECK_VALUE(
        !options_.labels.defined() ||
            options_.labels.size(0) == samples.count(),
        "labels: expected ",
        samples.count(),
        ", one for each sample, got ",
        options_.labels.defined() ? options_.labels.size(0) : 0);
    batch_ = samples.batch_of(options_.batch);
    choice_ = choose_samples(
        samples.count(),
        options_.samples.value_or(samples.count()),
        options_.seed,
        /*in_order=*/has_op(module_, "prim::SetAttr"));
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
    fill_report();
    if (!options_.dry_run) {
      write(output);
    }
    return std::move(report_);
  }

 private:
  const StoredTensor& stored(const Target& target) const {
    return input_.state.tensors[target.index];
  }
  const PruneModifier& modifier(const Target& target) const {
    return *plans_[target.index].modifier;
  }

  void leave(size_t index, std::string reason) {
    plans_[index].modifier = nullptr;
    plans_[index].left_because = std::move(reason);
  }

  void find_targets() {
    std::map<std::string, Tensor> by_name;
    for (const auto& each : graph::named_tensors(module_)) {
      by_name.emplace(each.name, each.tensor);
    }
    for (size_t i = 0; i < plans_.size(); ++i) {
      const auto& tensor = input_.state.tensors[i];
      const auto found = by_name.find(tensor.name);
      if (plans_[i].modifier == nullptr) {
        continue;
      }
      if (found == by_name.end() ||
          found->second.sizes() != at::IntArrayRef(tensor.shape)) {
        leave(i, "the model that runs has none of that name");
        continue;
      }
      targets_.push_back({i, found->second, Tensor(), 0, 0});
      names_.push_back(tensor.name);
    }
  }

  void survey() {
    std::vector<bool> needs_all;
    for (const auto& target : targets_) {
      needs_all.push_back(needs_all_moments(modifier(target).method));
    }
    survey_ = survey_layers(
        load_, names_, needs_all, *samples_, choice_.calibration, batch_);
    std::map<std::string, int> reasons;
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (!survey_.left_because[i].empty()) {
        const auto reason = why_left(i);
        ++reasons[reason];
        leave(targets_[i].index, reason);
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
              : " (most are left because: " + most->first + ")",
          "; leave --calibration out to prune by magnitude");
    }
  }

  std::string why_left(size_t target) const {
    const auto* use = evidence_ ? evidence_->find(names_[target]) : nullptr;
    const bool never_ran =
        survey_.left_because[target].rfind("it never", 0) == 0;
    return never_ran && use != nullptr && use->is_computed_with
        ? "its op takes what is computed from it"
        : survey_.left_because[target];
  }

  /// The sources up to which one pass collects from `first` on.
  size_t end_of_pass(size_t first) const {
    int64_t bytes = 0;
    size_t last = first;
    while (last < survey_.sources.size() &&
           (last == first ||
            bytes + survey_.sources[last].nbytes() <= options_.memory)) {
      bytes += survey_.sources[last++].nbytes();
    }
    return last;
  }

  void tell_work() {
    auto& work = report_.work;
    work.layers = static_cast<int64_t>(survey_.parts.size());
    work.samples = static_cast<int64_t>(choice_.calibration.size());
    work.held_back = static_cast<int64_t>(choice_.held_back.size());
    for (size_t first = 0; first < survey_.sources.size();) {
      const auto last = options_.sequential ? first + 1 : end_of_pass(first);
      int64_t bytes = 0;
      for (; first < last; ++first) {
        const auto& source = survey_.sources[first];
        // With those of the dense model beside them.
        bytes += source.nbytes() +
            (options_.sequential
                 ? source.groups * 8 * source.features() * source.features()
                 : 0);
      }
      work.moments_bytes = std::max(work.moments_bytes, bytes);
      work.passes += options_.sequential ? 2 : 1;
    }
    if (options_.begin) {
      options_.begin(work);
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
      const auto last = end_of_pass(first);
      std::vector<std::vector<SecondMoments>> moments;
      try {
        moments = collect_moments(
            load_,
            names_,
            survey_,
            first,
            last,
            *samples_,
            choice_.calibration,
            batch_,
            [&](int64_t done) {
              tell("running samples", pass * per_pass + done, all);
            });
      } catch (const SourcesDiffer&) {
        part_sources(survey_);
        for (auto& target : targets_) {
          target.pruned = Tensor();
          target.error = target.outputs = 0;
        }
        report_.work = {};
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
      const auto paired = paired_moments(
          load_,
          [this](torch::jit::Module& module) { change(module); },
          names_,
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

  /// Prunes what reads one source.
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
      auto& target = targets_[part.tensor];
      const torch::NoGradGuard no_grad;
      const auto weight = part.of(target.dense).detach().contiguous();
      try {
        const auto solved =
            solve_layer(weight, moments, cross, modifier(target));
        keep(target, part, solved);
        if (survey_.sources[source].kind == SecondMoments::Kind::Full) {
          add_error(target, weight, solved.weight, moments);
        }
      } catch (c10::Error& error) {
        rethrow_of(stored(target), error);
      }
    }
  }

  void keep(Target& target, const LayerPart& part, const Solved& solved) {
    if (!target.pruned.defined()) {
      target.pruned = torch::empty_strided(
          target.dense.sizes(), target.dense.strides(), target.dense.options());
      target.pruned.copy_(target.dense);
      rows_[target.index] = SampledTensor();
      rows_[target.index].method = modifier(target).method;
    }
    part.of(target.pruned).copy_(solved.weight);
    auto& row = rows_[target.index];
    row.dampening = std::max(row.dampening, solved.dampening);
    row.dead_inputs += solved.dead_inputs;
  }

  static void add_error(
      Target& target,
      const Tensor& weight,
      const Tensor& pruned,
      const std::vector<SecondMoments>& moments) {
    const auto groups = static_cast<int64_t>(moments.size());
    for (int64_t i = 0; i < groups; ++i) {
      const auto before = weight.chunk(groups, 0)[i];
      target.error +=
          layer_error(before, pruned.chunk(groups, 0)[i], moments[i]);
      target.outputs +=
          layer_error(before, torch::zeros_like(before), moments[i]);
    }
  }

  /// Gives a newly loaded model what was solved so far.
  void change(torch::jit::Module& module) const {
    const torch::NoGradGuard no_grad;
    const TensorsByMemory tensors(module, names_);
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (targets_[i].pruned.defined()) {
        tensors.at(i).detach().copy_(targets_[i].pruned);
      }
    }
    for (const auto& each : graph::named_tensors(module)) {
      const auto norm = norms_.find(each.name);
      if (norm != norms_.end()) {
        each.tensor.detach().copy_(norm->second);
      }
    }
  }

  void recalibrate() {
    norms_ = recalibrated_norms(
        load_,
        [this](torch::jit::Module& module) { change(module); },
        *samples_,
        choice_.calibration,
        batch_,
        [&](int64_t done) {
          tell("re-estimating norms", done, report_.work.samples);
        });
    for (const auto& [name, tensor] : norms_) {
      report_.norms.push_back(name);
    }
  }

  void compare() {
    const bool is_held_back = !choice_.held_back.empty();
    const auto& which = is_held_back ? choice_.held_back : choice_.calibration;
    auto dense = load_();
    auto pruned = load_();
    change(pruned);
    OutputComparison comparison(options_.labels);
    const TensorsByMemory tensors(dense, names_);
    const auto count = static_cast<int64_t>(which.size());
    for (int64_t begin = 0; begin < count; begin += batch_) {
      const auto end = std::min(begin + batch_, count);
      const SampleIndices few(which.begin() + begin, which.begin() + end);
      c10::IValue before;
      {
        const graph::OpWatch watch([&](const char* name, auto inputs) {
          return measure_errors(tensors, name, inputs);
        });
        run_samples(
            dense, *samples_, few, batch_, [&](auto, auto, c10::IValue value) {
              before = std::move(value);
            });
        watch.rethrow();
      }
      run_samples(
          pruned, *samples_, few, batch_, [&](auto, auto, const auto& after) {
            comparison.add(before, after, few);
          });
      tell("comparing outputs", end, count);
    }
    report_.change = comparison.change();
    report_.change.is_held_back = is_held_back;
  }

  /// Of layers whose second moments were not all kept.
  bool measure_errors(
      const TensorsByMemory& tensors,
      const char* name,
      graph::OpWatch::Inputs inputs) {
    const auto found = graph::weighted_calls(
        name, inputs, [&](const Tensor& x) { return tensors.find(x); });
    for (const auto& call : found.calls) {
      const auto i = part_of(survey_, call, tensors.at(call.tensor));
      if (i < 0 ||
          survey_.sources[survey_.parts[i].source].kind ==
              SecondMoments::Kind::Full) {
        continue;
      }
      auto& target = targets_[call.tensor];
      const auto after = survey_.parts[i].of(target.pruned);
      target.error += graph::output_of(call, after - call.weight)
                          .square()
                          .sum(torch::kDouble)
                          .item<double>();
      target.outputs += graph::output_of(call, call.weight)
                            .square()
                            .sum(torch::kDouble)
                            .item<double>();
    }
    return !found.calls.empty();
  }

  void fill_report() {
    auto& pruned = report_.pruned;
    if (evidence_) {
      pruned.from_graph = evidence_->from_graph;
      pruned.not_from_graph_because = evidence_->not_from_graph_because;
    }
    for (size_t i = 0; i < plans_.size(); ++i) {
      pruned.tensors.push_back(row_of(input_.state.tensors[i], plans_[i]));
    }
    report_.tensors.resize(plans_.size());
    for (const auto& target : targets_) {
      if (target.pruned.defined()) {
        fill_row(target);
      }
    }
  }

  void fill_row(const Target& target) {
    auto& row = report_.pruned.tensors[target.index];
    const auto zeros = [](const Tensor& tensor) {
      return tensor.eq(0).sum().item<int64_t>();
    };
    row.zeros_before = zeros(target.dense);
    row.zeros_after = zeros(target.pruned);
    row.reached = has_reached(target, row);
    report_.pruned.reached &= row.reached;
    auto sampled = rows_.at(target.index);
    if (target.outputs > 0) {
      sampled.error = target.error / target.outputs;
    }
    report_.tensors[target.index] = sampled;
  }

  /// But for what rounding down leaves in each of what is compared together.
  bool has_reached(const Target& target, const PrunedTensor& row) const {
    const auto& rule = modifier(target);
    const auto block = rule.pattern.sparse_block_shape;
    const double asked = rule.pattern.sparsity_level *
        static_cast<double>(rule.pattern.zeros_per_block) /
        static_cast<double>(block.size()) * static_cast<double>(row.elements);
    const double columns =
        static_cast<double>(row.elements) / static_cast<double>(row.shape[0]);
    // Rows, blocks of columns and groups at most are compared apart.
    const double apart = static_cast<double>(row.shape[0]) +
        columns / static_cast<double>(rule.block_size) + 1;
    return static_cast<double>(row.zeros_after) +
        apart * static_cast<double>(block.size()) >=
        asked;
  }

  void write(const std::string& path) const {
    std::map<size_t, Tensor> changed;
    for (const auto& target : targets_) {
      if (target.pruned.defined()) {
        changed[target.index] = target.pruned;
      }
    }
    for (size_t i = 0; i < input_.state.tensors.size(); ++i) {
      const auto norm = norms_.find(input_.state.tensors[i].name);
      if (norm != norms_.end()) {
        changed[i] = norm->second;
      }
    }
    write_changed(input_, changed, path);
  }

  const Checkpoint& input_;
  const ModelLoader& load_;
  const SampledOptions& options_;
  std::optional<ScriptEvidence> evidence_;
  std::vector<TensorPlan> plans_;
  torch::jit::Module module_; ///< Never runs.
  std::vector<Target> targets_;
  std::vector<std::string> names_; ///< Of the targets.
  const Samples* samples_ = nullptr;
  SampleChoice choice_;
  int64_t batch_ = 1;
  LayerSurvey survey_;
  std::map<std::string, Tensor> norms_; ///< What was re-estimated.
  std::map<size_t, SampledTensor> rows_;
  SampledReport report_;
};

} // namespace

SampledReport prune_with_samples(
    const Checkpoint& input,
    const ModelLoader& load,
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
