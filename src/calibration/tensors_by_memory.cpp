#include "calibration/tensors_by_memory.h"

#include <map>

#include "graph/named_tensors.h"

namespace coppice::calibration {

using torch::Tensor;

int64_t span_of(at::IntArrayRef sizes, at::IntArrayRef strides) {
  int64_t span = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    span += (sizes[i] - 1) * strides[i];
  }
  return span;
}

TensorsByMemory::TensorsByMemory(
    const torch::jit::Module& module,
    const std::vector<std::string>& names) {
  std::map<std::string, Tensor> by_name;
  for (const auto& each : graph::named_tensors(module)) {
    by_name.emplace(each.name, each.tensor);
  }
  for (const auto& name : names) {
    tensors_.push_back(by_name.at(name));
  }
}

int64_t TensorsByMemory::find(const Tensor& tensor) const {
  if (!tensor.has_storage()) {
    return -1;
  }
  const auto* storage = tensor.storage().unsafeGetStorageImpl();
  const auto begin = tensor.storage_offset();
  const auto end = begin + span_of(tensor.sizes(), tensor.strides());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const auto& each = tensors_[i];
    const auto first = each.storage_offset();
    if (each.storage().unsafeGetStorageImpl() == storage && begin >= first &&
        end <= first + span_of(each.sizes(), each.strides()) &&
        each.scalar_type() == tensor.scalar_type()) {
      return static_cast<int64_t>(i);
    }
  }
  return -1;
}

} // namespace coppice::calibration
