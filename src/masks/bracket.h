#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

namespace coppice::masks::cpu {

/// Two keys, low <= high, between which a cut is likely to be.
struct Bracket {
  int32_t low;
  int32_t high;
};

/// How a sample of keys is read.
struct SampleSource {
  /// Prefetches the memory that `key` will read.
  std::function<void(int64_t index)> prefetch;
  std::function<int32_t(int64_t index)> key;
};

/// A bracket of the cut below which `share` of `count` keys are, from a
/// stratified sample of them. It misses the cut about once in a million times,
/// more often where the order of the values misleads.
/// Source: Floyd and Rivest 1975, "Expected time bounds for selection".
Bracket guess_bracket(
    int64_t count,
    double share,
    std::minstd_rand& random,
    const SampleSource& source);

} // namespace coppice::masks::cpu
