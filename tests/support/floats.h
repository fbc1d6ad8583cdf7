#pragma once

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace coppice::testing {

/// What `random_floats` may hold besides normal numbers.
enum class Floats {
  kFinite,  ///< Numbers without ties.
  kTied,    ///< Few different numbers, both zeros, denormals.
  kSpecial, ///< Tied numbers, infinities and NaN.
};

inline std::vector<float>
random_floats(size_t count, Floats kind, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {NAN, -NAN, infinity, -infinity};
  std::vector<float> values(count);
  for (float& v : values) {
    v = normal(random);
    if (kind != Floats::kFinite) {
      const float tied[] = {0.0f, -0.0f, std::round(2 * v), 1e-40f, -1e-40f};
      v = tied[random() % 5];
    }
    if (kind == Floats::kSpecial && random() % 8 == 0) {
      v = special[random() % 4];
    }
  }
  return values;
}

/// Equal bit for bit: NaN equals itself, 0 is not -0.
inline bool same_bits(
    const std::vector<float>& a,
    const std::vector<float>& b) {
  return a.size() == b.size() &&
      (a.empty() ||
       std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

} // namespace coppice::testing
