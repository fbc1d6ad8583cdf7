#include "calibration/sample_choice.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace coppice::calibration {

SampleChoice
choose_samples(int64_t count, int64_t wanted, uint64_t seed, bool in_order) {
  TORCH_CHECK_VALUE(
      wanted > 0, "calibration: expected one sample or more, got ", wanted);
  SampleIndices all(count);
  std::iota(all.begin(), all.end(), 0);
  if (!in_order) {
    // Not std::shuffle, whose result differs between standard libraries.
    std::mt19937_64 random(seed);
    for (int64_t i = count - 1; i > 0; --i) {
      std::swap(all[i], all[random() % static_cast<uint64_t>(i + 1)]);
    }
  }
  all.resize(std::min(count, wanted));
  const auto held_back = static_cast<int64_t>(all.size()) / 8;
  SampleChoice choice;
  choice.calibration.assign(all.begin(), all.end() - held_back);
  choice.held_back.assign(all.end() - held_back, all.end());
  std::sort(choice.calibration.begin(), choice.calibration.end());
  std::sort(choice.held_back.begin(), choice.held_back.end());
  return choice;
}

} // namespace coppice::calibration
