#pragma once

#include <torch/types.h>

#include <cstdint>

namespace coppice {

/// Elements that one thread should at least get: below, waking another thread
/// costs more than it saves.
constexpr int64_t kFastPathGrain = 1 << 15;

/// True if the kernels can work on the tensor's memory as it lies.
inline bool has_fast_path(const torch::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == torch::kFloat &&
      tensor.layout() == torch::kStrided && tensor.is_contiguous();
}

/// The bytes of a contiguous kBool mask, 1 keeps.
inline const uint8_t* mask_bytes(const torch::Tensor& mask) {
  return reinterpret_cast<const uint8_t*>(mask.data_ptr<bool>());
}

} // namespace coppice
