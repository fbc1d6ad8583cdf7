#pragma once

#include <torch/types.h>

#include <cstddef>
#include <memory>

namespace coppice::graph {

/// Has a storage, and so all tensors of it, lie at `data`, which `owner` keeps
/// valid and which has as many bytes.
void set_memory(
    const c10::Storage& storage,
    std::byte* data,
    std::shared_ptr<void> owner);

/// Whether a tensor takes all of its storage, each element once.
bool fills_storage(const torch::Tensor& tensor);

} // namespace coppice::graph
