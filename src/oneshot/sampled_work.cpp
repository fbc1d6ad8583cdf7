#include "oneshot/sampled_work.h"

#include <algorithm>

#include "oneshot/allocate_targets.h"
#include "oneshot/source_passes.h"

namespace coppice::oneshot {

SampledWork
work_of(const SurveyedModel& model, int64_t memory_bytes, bool sequential) {
  const auto& survey = model.survey;
  SampledWork work;
  work.layers = static_cast<int64_t>(survey.parts.size());
  work.samples = static_cast<int64_t>(model.choice.calibration.size());
  work.held_back = static_cast<int64_t>(model.choice.held_back.size());
  work.passes = goes_by_outliers(model.targets) ? 1 : 0;
  work.batch_bytes = survey.batch_bytes;
  for (size_t first = 0; first < survey.sources.size();) {
    if (survey.sources[first].is_solved) {
      work.solved_before +=
          static_cast<int64_t>(survey.sources[first++].parts.size());
      continue;
    }
    const auto last =
        sequential ? first + 1 : end_of_pass(survey, first, memory_bytes);
    int64_t bytes = 0;
    for (; first < last; ++first) {
      const auto& source = survey.sources[first];
      // Sequential: the dense model's inputs are kept as well.
      bytes += source.nbytes() +
          (sequential
               ? source.groups * 8 * source.features() * source.features()
               : 0);
    }
    work.moments_bytes = std::max(work.moments_bytes, bytes);
    work.passes += sequential ? 2 : 1;
  }
  return work;
}

} // namespace coppice::oneshot
