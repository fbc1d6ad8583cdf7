#pragma once

#include <torch/script.h>

#include <array>
#include <string>
#include <vector>

#include "calibration/samples.h"
#include "coppice/solve/second_moments.h"
#include "graph/weighted_call.h"

namespace coppice::calibration {

/// What an op takes of a tensor as its weight, most often all of it: a linear
/// layer's [out, in], a convolution's [out, in / groups, height, width].
struct LayerPart {
  size_t tensor = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides; ///< In the memory of the tensor.
  int64_t offset = 0;           ///< From its first element.
  size_t source = 0;            ///< What enters it.

  /// That part of `tensor`, of the shape and strides of the model's.
  torch::Tensor of(const torch::Tensor& tensor) const;
};

/// Something that enters layers: of those that read the same value there is
/// one.
struct InputSource {
  std::vector<size_t> parts; ///< That read it.
  int64_t channels = 0;      ///< A group's.
  std::array<int64_t, 2> kernel{1, 1};
  int64_t groups = 1;
  SecondMoments::Kind kind = SecondMoments::Kind::Diagonal;

  int64_t features() const {
    return channels * kernel[0] * kernel[1];
  }
  int64_t nbytes() const {
    return groups * SecondMoments::nbytes(features(), kind);
  }
  std::vector<SecondMoments> moments() const;
};

/// How a model's layers read what runs through it. Parts and sources are in the
/// order in which they first run.
struct LayerSurvey {
  std::vector<LayerPart> parts;
  std::vector<InputSource> sources;
  /// Why nothing can be said of a tensor; empty if there are parts of it.
  std::vector<std::string> left_because;
};

/// Runs the model until each of the tensors was an op's weight, most often a
/// single batch.
///
/// `needs_all[i]`: whether the whole second moments of what enters tensor i are
/// asked for.
LayerSurvey survey_layers(
    const ModelLoader& load,
    const std::vector<std::string>& names,
    const std::vector<bool>& needs_all,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch);

/// The place of a call's weight in a survey; -1 if the survey has none.
int64_t part_of(
    const LayerSurvey& survey,
    const graph::WeightedCall& call,
    const torch::Tensor& tensor);

/// Gives every part a source of its own: where what two layers read was the
/// same on some samples and is not on others.
void part_sources(LayerSurvey& survey);

} // namespace coppice::calibration
