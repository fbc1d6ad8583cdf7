#include "oneshot/source_passes.h"

namespace coppice::oneshot {
namespace {

/// Second moments of sources of a survey, that of the model or one like it.
std::vector<std::vector<SecondMoments>> moments_of(
    const calibration::ModelLoader& load,
    const SurveyedModel& model,
    const calibration::LayerSurvey& survey,
    size_t first,
    size_t last,
    const std::function<void(int64_t)>& progress) {
  return calibration::collect_moments(
      load,
      model.targets.names(),
      survey,
      first,
      last,
      model.samples,
      model.choice.calibration,
      model.batch,
      progress);
}

/// From `source` on.
size_t first_unsolved(const calibration::LayerSurvey& survey, size_t source) {
  while (source < survey.sources.size() && survey.sources[source].is_solved) {
    ++source;
  }
  return source;
}

int64_t count_passes(const calibration::LayerSurvey& survey, int64_t memory) {
  int64_t passes = 0;
  for (size_t first = first_unsolved(survey, 0); first < survey.sources.size();
       ++passes) {
    first = first_unsolved(survey, end_of_pass(survey, first, memory));
  }
  return passes;
}

/// Errors: SourcesDiffer.
void collect_once(
    const calibration::ModelLoader& load,
    const SurveyedModel& model,
    const SampleUse& use,
    const std::function<void(size_t, const std::vector<SecondMoments>&)>&
        take) {
  const auto& survey = model.survey;
  const auto per_pass = static_cast<int64_t>(model.choice.calibration.size());
  const auto all = per_pass * count_passes(survey, use.memory);
  int64_t pass = 0;
  for (size_t first = first_unsolved(survey, 0); first < survey.sources.size();
       ++pass) {
    const auto last = end_of_pass(survey, first, use.memory);
    auto moments =
        moments_of(load, model, survey, first, last, [&](int64_t done) {
          use.tell("running samples", pass * per_pass + done, all);
        });
    for (size_t i = first; i < last; ++i) {
      take(i, moments[i - first]);
      moments[i - first].clear();
    }
    first = first_unsolved(survey, last);
  }
}

} // namespace

size_t end_of_pass(
    const calibration::LayerSurvey& survey,
    size_t first,
    int64_t memory_bytes) {
  int64_t bytes = 0;
  size_t last = first;
  while (last < survey.sources.size() && !survey.sources[last].is_solved &&
         (last == first ||
          bytes + survey.sources[last].nbytes() <= memory_bytes)) {
    bytes += survey.sources[last++].nbytes();
  }
  return last;
}

void collect_in_passes(
    const calibration::ModelLoader& load,
    SurveyedModel& model,
    const SampleUse& use,
    const std::function<void()>& begin_again,
    const std::function<void(size_t, const std::vector<SecondMoments>&)>&
        take) {
  try {
    collect_once(load, model, use, take);
  } catch (const calibration::SourcesDiffer&) {
    calibration::part_sources(model.survey);
    begin_again();
    collect_once(load, model, use, take);
  }
}

std::vector<std::vector<SecondMoments>> squares_of_inputs(
    const calibration::ModelLoader& load,
    SurveyedModel& model,
    const SampleUse& use) {
  const auto collect = [&] {
    auto survey = model.survey;
    for (auto& source : survey.sources) {
      source.kind = SecondMoments::Kind::Diagonal;
    }
    return moments_of(
        load, model, survey, 0, survey.sources.size(), [&](int64_t done) {
          use.tell(
              "looking for outliers",
              done,
              static_cast<int64_t>(model.choice.calibration.size()));
        });
  };
  try {
    return collect();
  } catch (const calibration::SourcesDiffer&) {
    calibration::part_sources(model.survey);
    return collect();
  }
}

} // namespace coppice::oneshot
