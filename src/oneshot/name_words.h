#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "oneshot/tensor_name.h"

/// What words of a name mean, in the naming of common libraries.
namespace coppice::oneshot {

/// The role that a word gives the tensor it names.
enum class NameRole {
  kLayer, ///< A layer's weight after all: `proj`, `conv`, `weight`.
  kNorm,
  kShortNorm, ///< `ln`, `bn`: some name a linear layer so.
  kScale,
  kStatistic,
  kToken,
  kPosition,
  kMask,
  kBias,
  kFilter,
  kFixedFilter, ///< Whatever stands below it is one, too: `stft`.
  kCodebook,
  kAnchor,
  kQuantization,
  kOptimizer,
  kAverage, ///< Running averages of weights.
  kRandom,  ///< States of random number generators.
};

template <size_t N>
bool is_one_of(
    const std::string& text,
    const std::array<const char*, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// Whether one of the words has the role and no word after it is a layer's:
/// "conv_norm_out" has that of a norm, "norm_proj" has not.
bool has_role(const Words& words, NameRole role);

/// Whether one of the words has the role.
bool any_has_role(const Words& words, NameRole role);

} // namespace coppice::oneshot
