#pragma once

#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

#include "coppice/io/safetensors.h"
#include "coppice/model/torch_tensors.h"

namespace coppice::cli {

/// Writes a safetensors file.
inline void save_tensors(
    const std::string& path,
    const std::vector<std::pair<std::string, torch::Tensor>>& tensors) {
  StateDict state;
  for (const auto& [name, tensor] : tensors) {
    state.tensors.push_back(as_stored(name, tensor));
  }
  save_safetensors(path, state);
}

} // namespace coppice::cli
