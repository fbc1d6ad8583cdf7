#include "graph/storage_memory.h"

namespace coppice::graph {

void set_memory(
    const c10::Storage& storage,
    std::byte* data,
    std::shared_ptr<void> owner) {
  using Owner = std::shared_ptr<void>;
  storage.set_data_ptr_noswap(
      {data,
       new Owner(std::move(owner)),
       [](void* held) { delete static_cast<Owner*>(held); },
       c10::Device(c10::DeviceType::CPU)});
}

bool fills_storage(const torch::Tensor& tensor) {
  return tensor.has_storage() && tensor.storage_offset() == 0 &&
      tensor.is_non_overlapping_and_dense() &&
      tensor.numel() * tensor.element_size() ==
      static_cast<int64_t>(tensor.storage().nbytes());
}

} // namespace coppice::graph
