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
  /// Asks for the memory that `key` will read, long before.
  std::function<void(int64_t index)> fetch;
  std::function<int32_t(int64_t index)> key;
};

/// A bracket of the cut below which `share` of `count` keys lie, by the keys of
/// one random value of each of many equal stretches. It misses the cut about
/// once in a million times, more often where the order of the values misleads.
/// Source: Floyd and Rivest 1975, "Expected time bounds for selection".
Bracket guess_bracket(
    int64_t count,
    double share,
    std::minstd_rand& random,
    const SampleSource& source);

} // namespace coppice::masks::cpu
