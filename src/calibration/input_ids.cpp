#include "calibration/input_ids.h"

#include <utility>

namespace coppice::calibration {
namespace {

uint32_t version_of(const torch::Tensor& x) {
  return x.is_inference() ? 0 : static_cast<uint32_t>(x._version());
}

} // namespace

bool InputIds::Known::is(const graph::WeightedCall& other) const {
  const auto& x = other.input;
  return version == version_of(x) && offset == x.storage_offset() &&
      x.sizes() == sizes && x.strides() == strides &&
      call.is_conv == other.is_conv && call.groups == other.groups &&
      call.steps.stride == other.steps.stride &&
      call.steps.padding == other.steps.padding &&
      call.steps.dilation == other.steps.dilation &&
      call.weight.sizes().slice(1) == other.weight.sizes().slice(1);
}

int64_t InputIds::id_of(const graph::WeightedCall& call) {
  const auto& x = call.input;
  auto& beside = known_[x.storage().unsafeGetStorageImpl()];
  for (const auto& each : beside) {
    if (each.is(call)) {
      return each.id;
    }
  }
  Known known{
      call,
      x.storage().getWeakStorageImpl(),
      version_of(x),
      next_,
      x.sizes().vec(),
      x.strides().vec(),
      x.storage_offset()};
  known.call.input = torch::Tensor(); // The values need not stay alive.
  beside.push_back(std::move(known));
  return next_++;
}

} // namespace coppice::calibration
