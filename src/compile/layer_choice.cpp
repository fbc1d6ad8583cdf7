#include "compile/layer_choice.h"

#include <algorithm>
#include <optional>

#include "compile/machine.h"
#include "compile/timing_cache.h"
#include "coppice/masks/measure.h"

namespace coppice::compiling {
namespace {

/// Candidates on one input, and how they did.
struct Heat {
  LayerInput at;
  std::vector<Candidate> entrants;
  LayerRace race;

  /// The index of a candidate; nullopt if it did not take part.
  std::optional<size_t> find(const Candidate& candidate) const {
    for (size_t i = 0; i < entrants.size(); ++i) {
      if (entrants[i].weight == candidate.weight) {
        return i;
      }
    }
    return std::nullopt;
  }
};

LayerRace raced(
    const WeightOp& op,
    const Heat& heat,
    int64_t passing,
    const CompileOptions& options,
    const Races& races) {
  const TimingCache cache(options.cache());
  const auto& input = heat.at.input;
  if (auto known = cache.find(op, input, heat.entrants, passing)) {
    return *known;
  }
  auto race = races.layer(
      op, input, heat.entrants, passing, options.seconds_per_layer());
  cache.keep(op, input, heat.entrants, passing, race);
  return race;
}

Candidate best_of(
    const std::vector<Candidate>& candidates,
    const std::vector<Heat>& heats) {
  Candidate best = candidates.front();
  auto least = static_cast<double>(heats.size());
  for (const auto& candidate : candidates) {
    double share = 0;
    bool fits = !candidate.is_libtorch();
    for (const auto& heat : heats) {
      const auto index = heat.find(candidate);
      fits = fits && index && heat.race.wins[*index];
      share += fits ? heat.race.ratios[*index] : 0;
    }
    if (fits && share < least) {
      least = share;
      best = candidate;
    }
  }
  return best;
}

CompiledLayer described(const WeightOp& op) {
  CompiledLayer layer;
  layer.layer = op.layer_fqn;
  layer.kind = op.kind == WeightOp::Kind::kLinear ? "linear" : "conv2d";
  layer.shape = op.weight.sizes().vec();
  layer.weight = op.weight;
  layer.sparsity = sparsity(op.weight);
  if (layer.sparsity > 0) {
    layer.pattern = to_string(detect_pattern(op.weight));
  }
  layer.format = Candidate().name();
  layer.why_left = op.why_dense;
  return layer;
}

LayerTiming
timing_of(const WeightOp& op, const Heat& heat, const Candidate& chosen) {
  LayerTiming timing;
  timing.batch = heat.at.batch;
  timing.rows = rows_of(op, heat.at.input);
  timing.dense = heat.race.microseconds[0];
  timing.chosen = heat.race.microseconds[*heat.find(chosen)];
  timing.fastest_format = heat.entrants[heat.race.winner].name();
  return timing;
}

} // namespace

LayerChoice choose_for(
    const WeightOp& op,
    std::vector<LayerInput> inputs,
    int64_t others,
    const CompileOptions& options,
    const Races& races) {
  LayerChoice choice{described(op), {}};
  inputs.erase(
      std::remove_if(
          inputs.begin(),
          inputs.end(),
          [](const LayerInput& each) { return !each.input.defined(); }),
      inputs.end());
  if (inputs.empty()) {
    choice.layer.why_left = "it did not run";
    return choice;
  }
  std::vector<torch::Tensor> tensors;
  for (const auto& each : inputs) {
    tensors.push_back(each.input);
  }
  std::vector<torch::ScalarType> dtypes{torch::kFloat};
  if (options.bfloat16()) {
    dtypes.push_back(torch::kBFloat16);
  }
  const auto candidates = candidates_for(op, tensors, dtypes);
  const int64_t passing = passing_bytes(others);
  std::vector<Heat> heats;
  for (const auto& each : inputs) {
    Heat heat{each, entrants_of(op, each.input, candidates), {}};
    heat.race = raced(op, heat, passing, options, races);
    heats.push_back(std::move(heat));
  }
  const auto chosen = best_of(candidates, heats);
  choice.layer.format = chosen.name();
  choice.layer.passing_bytes = passing;
  for (const auto& heat : heats) {
    choice.layer.timings.push_back(timing_of(op, heat, chosen));
  }
  choice.weight = chosen.weight;
  return choice;
}

} // namespace coppice::compiling
