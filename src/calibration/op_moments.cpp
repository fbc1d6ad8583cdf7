#include "calibration/op_moments.h"

namespace coppice::calibration {

PatchOptions patch_options(const graph::WeightedCall& call) {
  return PatchOptions()
      .kernel({call.weight.size(2), call.weight.size(3)})
      .stride(call.steps.stride)
      .padding(call.steps.padding)
      .dilation(call.steps.dilation)
      .groups(call.groups);
}

std::vector<SecondMoments> moments_for(
    const graph::WeightedCall& call,
    SecondMoments::Kind kind) {
  if (call.is_conv) {
    return patch_moments(call.weight.size(1), patch_options(call), kind);
  }
  return {SecondMoments(call.weight.size(1), kind)};
}

void add_inputs(
    std::vector<SecondMoments>& moments,
    const graph::WeightedCall& call) {
  if (call.is_conv) {
    add_patches(moments, call.input, patch_options(call));
  } else {
    moments.front().add(call.input);
  }
}

} // namespace coppice::calibration
