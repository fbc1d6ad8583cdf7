#include "oneshot/sampled_work.h"

#include <algorithm>

namespace coppice::oneshot {

size_t end_of_pass(
    const calibration::LayerSurvey& survey,
    size_t first,
    int64_t memory_bytes) {
  int64_t bytes = 0;
  size_t last = first;
  while (last < survey.sources.size() &&
         (last == first ||
          bytes + survey.sources[last].nbytes() <= memory_bytes)) {
    bytes += survey.sources[last++].nbytes();
  }
  return last;
}

SampledWork work_of(
    const calibration::LayerSurvey& survey,
    const calibration::SampleChoice& choice,
    const SampledOptions& options) {
  SampledWork work;
  work.layers = static_cast<int64_t>(survey.parts.size());
  work.samples = static_cast<int64_t>(choice.calibration.size());
  work.held_back = static_cast<int64_t>(choice.held_back.size());
  for (size_t first = 0; first < survey.sources.size();) {
    const auto last = options.sequential
        ? first + 1
        : end_of_pass(survey, first, options.memory);
    int64_t bytes = 0;
    for (; first < last; ++first) {
      const auto& source = survey.sources[first];
      // Sequential: the dense model's inputs are kept as well.
      bytes += source.nbytes() +
          (options.sequential
               ? source.groups * 8 * source.features() * source.features()
               : 0);
    }
    work.moments_bytes = std::max(work.moments_bytes, bytes);
    work.passes += options.sequential ? 2 : 1;
  }
  return work;
}

} // namespace coppice::oneshot
