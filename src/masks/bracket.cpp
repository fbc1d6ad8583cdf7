#include "masks/bracket.h"

#include <algorithm>
#include <cmath>

namespace coppice::masks::cpu {
namespace {

/// A random index in each of `size` equal ranges of [0, count).
std::vector<int64_t>
random_indices(int64_t count, int64_t size, std::minstd_rand& random) {
  std::vector<int64_t> indices(size);
  for (int64_t i = 0; i < size; ++i) {
    const int64_t begin = i * count / size;
    const int64_t length = (i + 1) * count / size - begin;
    indices[i] = begin + random() % length;
  }
  return indices;
}

/// The keys at `indices`. Each is a cache miss; prefetching hides the latency,
/// which would dominate.
std::vector<int32_t> keys_at(
    const std::vector<int64_t>& indices,
    const SampleSource& source) {
  constexpr size_t kAhead = 32;
  std::vector<int32_t> keys(indices.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    source.prefetch(indices[std::min(i + kAhead, keys.size() - 1)]);
    keys[i] = source.key(indices[i]);
  }
  return keys;
}

} // namespace

Bracket guess_bracket(
    int64_t count,
    double share,
    std::minstd_rand& random,
    const SampleSource& source) {
  const auto wanted =
      static_cast<int64_t>(4 * std::sqrt(static_cast<double>(count)));
  auto sample = keys_at(random_indices(count, wanted, random), source);
  // Five standard deviations of the rank of the cut in the sample, on either
  // side.
  const auto size = static_cast<double>(wanted);
  const double margin = 5 * std::sqrt(share * (1 - share) * size) + 8;
  const double low = share * size - margin;
  const double high = share * size + margin;
  Bracket bracket{INT32_MIN, INT32_MAX};
  auto rest = sample.begin();
  if (low >= 0) {
    rest += static_cast<int64_t>(low);
    std::nth_element(sample.begin(), rest, sample.end());
    bracket.low = *rest;
  }
  if (high < size) {
    const auto nth = sample.begin() + static_cast<int64_t>(high);
    std::nth_element(rest, nth, sample.end());
    bracket.high = *nth;
  }
  return bracket;
}

} // namespace coppice::masks::cpu
