#pragma once

#include <string>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "coppice/io/safetensors.h"
#include "support/random_states.h"
#include "support/temporary_folder.h"

namespace coppice::testing {

/// Writes `state` as a safetensors file and opens it.
inline Checkpoint saved_checkpoint(
    const TemporaryFolder& folder,
    const std::string& name,
    const StateDict& state) {
  save_safetensors(folder.file(name), state);
  return open_checkpoint(folder.file(name));
}

/// A tensor of `dtype` that is as sparse as said, and some that are not.
inline StateDict
sparse_state(Dtype dtype, std::vector<int64_t> shape, unsigned zeros) {
  std::mt19937_64 random(zeros);
  StateDict state;
  state.tensors = {
      random_tensor("w", dtype, shape, zeros, random),
      random_tensor("dense", dtype, {3, 100}, 0, random),
      random_tensor("bias", dtype, {5}, 50, random),
      random_tensor("ids", Dtype::I64, {400}, 90, random),
      random_tensor("empty", dtype, {0, 7}, 0, random),
      random_tensor("flags", Dtype::BOOL, {}, 0, random)};
  state.metadata = {{"format", "pt"}};
  return state;
}

} // namespace coppice::testing
