#pragma once

#include <torch/script.h>

#include <array>
#include <string>
#include <vector>

#include "calibration/samples.h"
#include "coppice/solve/second_moments.h"
#include "graph/weighted_call.h"

namespace coppice::calibration {

/// The part of a tensor that an op uses as its weight, most often all of it: a
/// linear layer's [out, in], a convolution's [out, in / groups, height, width].
struct LayerPart {
  size_t tensor = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides; ///< In the tensor's storage.
  int64_t offset = 0;           ///< From the tensor's first element.
  size_t source = 0;            ///< Index of its input.

  /// This part of `tensor`, which has the shape and strides of the model's.
  torch::Tensor of(const torch::Tensor& tensor) const;
};

/// An input of layers. Layers that read the same value share one.
struct InputSource {
  std::vector<size_t> parts; ///< That read it.
  int64_t channels = 0;      ///< Of one group.
  std::array<int64_t, 2> kernel{1, 1};
  int64_t groups = 1;
  SecondMoments::Kind kind = SecondMoments::Kind::Diagonal;
  bool is_solved = false; ///< Its second moments are not needed any more.

  int64_t features() const {
    return channels * kernel[0] * kernel[1];
  }
  int64_t nbytes() const {
    return groups * SecondMoments::nbytes(features(), kind);
  }
  std::vector<SecondMoments> moments() const;
};

/// How the layers of a model read their inputs. Parts and sources are in the
/// order in which they first run.
struct LayerSurvey {
  std::vector<LayerPart> parts;
  std::vector<InputSource> sources;
  /// Why a tensor cannot be pruned by samples; empty if there are parts of it.
  std::vector<std::string> left_because;
  /// The most memory that was seen to be taken while a batch ran.
  int64_t batch_bytes = 0;
};

/// Runs the model until each of the tensors was used as an op's weight, most
/// often for a single batch.
///
/// `needs_all[i]`: whether the whole second moments of the input of tensor i
/// are needed, not only their diagonal.
LayerSurvey survey_layers(
    const ModelLoader& load,
    const std::vector<std::string>& names,
    const std::vector<bool>& needs_all,
    const Samples& samples,
    const SampleIndices& which,
    int64_t batch);

/// The index in `parts` of a call's weight; -1 if it is not there.
int64_t part_of(
    const LayerSurvey& survey,
    const graph::WeightedCall& call,
    const torch::Tensor& tensor);

/// Gives every part a source of its own, for layers whose inputs are equal on
/// some samples only.
void part_sources(LayerSurvey& survey);

} // namespace coppice::calibration
