#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "oneshot/tensor_name.h"

/// The meaning of words in names, as common libraries use them.
namespace coppice::oneshot {

/// The role that a word gives the tensor it names.
enum class NameRole {
  kLayer, ///< A layer's weight: `proj`, `conv`, `weight`.
  kNorm,
  kShortNorm, ///< `ln`, `bn`: also used in names of linear layers.
  kScale,
  kStatistic,
  kToken,
  kPosition,
  kMask,
  kBias,
  kFilter,
  kFixedFilter, ///< Also everything below it in the name: `stft`.
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

/// Whether one of the words has the role and no later word is a layer's: true
/// of "conv_norm_out" and a norm, not of "norm_proj".
bool has_role(const Words& words, NameRole role);

/// Whether one of the words has the role.
bool any_has_role(const Words& words, NameRole role);

} // namespace coppice::oneshot
