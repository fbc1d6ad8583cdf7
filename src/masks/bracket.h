#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

namespace coppice::masks::cpu {

/// Two keys, low <= high, between which the cut is likely to be.
struct Bracket {
  int32_t low;
  int32_t high;
};

/// Access to the keys to sample.
struct SampleSource {
  /// Prefetches the memory that `key` reads.
  std::function<void(int64_t index)> prefetch;
  std::function<int32_t(int64_t index)> key;
};

/// A bracket of the cut below which `share` of `count` keys are, from a
/// stratified sample of them. It misses the cut in about one of a million
/// cases, more often if the order of the values is correlated with the strata.
/// Source: Floyd and Rivest 1975, "Expected time bounds for selection".
Bracket guess_bracket(
    int64_t count,
    double share,
    std::minstd_rand& random,
    const SampleSource& source);

} // namespace coppice::masks::cpu
