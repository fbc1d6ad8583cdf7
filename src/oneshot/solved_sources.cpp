#include "oneshot/solved_sources.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <utility>

#include "coppice/solve/solvers.h"
#include "oneshot/run_facts.h"
#include "oneshot/solve_layer.h"
#include "oneshot/weight_values.h"

namespace coppice::oneshot {

using torch::Tensor;

namespace {

void add_error(
    SolvedPart& part,
    const Tensor& weight,
    const Tensor& pruned,
    const std::vector<SecondMoments>& moments) {
  const auto groups = static_cast<int64_t>(moments.size());
  for (int64_t i = 0; i < groups; ++i) {
    const auto before = weight.chunk(groups, 0)[i];
    part.error += layer_error(before, pruned.chunk(groups, 0)[i], moments[i]);
    part.outputs += layer_error(before, torch::zeros_like(before), moments[i]);
  }
}

} // namespace

SolvedSources::SolvedSources(
    SampledTargets& targets,
    calibration::LayerSurvey& survey,
    const SampledOptions& options,
    const std::string& output,
    RunFacts facts)
    : targets_(targets),
      survey_(survey),
      options_(options),
      kept_(output, with_layers(std::move(facts))) {
  take_over();
}

RunFacts SolvedSources::with_layers(RunFacts facts) const {
  std::string layers;
  for (size_t i = 0; i < survey_.parts.size(); ++i) {
    layers += fact_of(i);
  }
  facts.layers = digest_of(layers);
  return facts;
}

bool SolvedSources::are_all() const {
  return std::all_of(
      survey_.sources.begin(), survey_.sources.end(), [](const auto& source) {
        return source.is_solved;
      });
}

int64_t SolvedSources::unsolved_bytes() const {
  int64_t bytes = 0;
  for (size_t i = 0; i < survey_.parts.size(); ++i) {
    if (!survey_.sources[survey_.parts[i].source].is_solved) {
      const auto place = place_of(i);
      bytes += place.numel() * place.element_size();
    }
  }
  return bytes;
}

void SolvedSources::take_over() {
  targets_.forget_solved();
  for (auto& source : survey_.sources) {
    source.is_solved = false;
  }
  for (size_t i = 0; i < survey_.sources.size(); ++i) {
    if (!find(i) && options_.sequential) {
      break; // Later layers depend on this one.
    }
  }
  tell_kept();
}

void SolvedSources::tell_kept() const {
  const auto folder = kept_.folder();
  if (options_.keeps && !folder.empty()) {
    options_.keeps(folder);
  }
}

/// Takes the parts that read a source; false if not all of them are stored.
bool SolvedSources::find(size_t source) {
  std::vector<SolvedPart> found;
  for (const auto i : survey_.sources[source].parts) {
    auto part = find_part(i);
    if (!part) {
      return false;
    }
    found.push_back(std::move(*part));
  }
  take(source, found);
  return true;
}

void SolvedSources::take(size_t source, const std::vector<SolvedPart>& solved) {
  const auto& parts = survey_.sources[source].parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto& part = survey_.parts[parts[i]];
    targets_.keep(part.tensor, part, solved[i], [&](const Tensor& whole) {
      return kept_.hold(part.tensor, whole);
    });
  }
  survey_.sources[source].is_solved = true;
}

std::optional<SolvedPart> SolvedSources::find_part(size_t part) {
  const auto place = place_of(part);
  return kept_.find(part, text_of(part), in_order_of(place, place));
}

void SolvedSources::solve(
    size_t source,
    const std::vector<SecondMoments>& moments,
    const std::vector<Tensor>& cross) {
  std::vector<SolvedPart> solved;
  for (const auto i : survey_.sources[source].parts) {
    options_.tell(
        "solving layers",
        static_cast<int64_t>(i) + 1,
        static_cast<int64_t>(survey_.parts.size()));
    if (auto found = find_part(i)) { // An ended run solved some of the parts.
      solved.push_back(std::move(*found));
      continue;
    }
    try {
      solved.push_back(
          kept_.keep(i, text_of(i), solve_part(i, moments, cross)));
    } catch (c10::Error& error) {
      rethrow_of(targets_.stored(survey_.parts[i].tensor), error);
    }
    tell_kept();
  }
  take(source, solved);
}

SolvedPart SolvedSources::solve_part(
    size_t part,
    const std::vector<SecondMoments>& moments,
    const std::vector<Tensor>& cross) const {
  const torch::NoGradGuard no_grad;
  const auto place = place_of(part);
  const auto weight = place.contiguous();
  const auto result = solve_layer(
      weight, moments, cross, targets_.modifier(survey_.parts[part].tensor));
  SolvedPart solved;
  solved.weight.tensor = in_order_of(place, result.weight);
  solved.dampening = result.dampening;
  solved.dead_inputs = result.dead_inputs;
  if (survey_.sources[survey_.parts[part].source].kind ==
      SecondMoments::Kind::Full) {
    add_error(solved, weight, result.weight, moments);
  }
  return solved;
}

Tensor SolvedSources::place_of(size_t part) const {
  const auto& own = survey_.parts[part];
  return own.of(targets_.all()[own.tensor].dense).detach();
}

/// What decides how a part is solved, whoever reads the same.
std::string SolvedSources::fact_of(size_t part) const {
  const auto& own = survey_.parts[part];
  return part_fact(
      targets_.names()[own.tensor],
      own,
      survey_.sources[own.source],
      targets_.modifier(own.tensor));
}

std::string SolvedSources::text_of(size_t part) const {
  return fact_of(part) +
      readers_fact(survey_.sources[survey_.parts[part].source]);
}

} // namespace coppice::oneshot
