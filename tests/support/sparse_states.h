#pragma once

#include <cstring>
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

template <typename T>
std::vector<T> elements(const StoredTensor& tensor) {
  std::vector<T> values(tensor.nbytes() / sizeof(T));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.data, tensor.nbytes());
  }
  return values;
}

/// The bytes of tensor `name` of a packed file, put together by a plain loop.
inline std::vector<std::byte> decoded(
    const StateDict& state,
    const std::string& name) {
  const auto shape = elements<int64_t>(*state.find(name + ".shape"));
  const auto& compressed = *state.find(name + ".compressed");
  const auto& bitmask = *state.find(name + ".bitmask");
  const auto bits = elements<uint8_t>(bitmask);
  const auto offsets = elements<int64_t>(*state.find(name + ".row_offsets"));
  size_t numel = 1;
  for (const auto size : shape) {
    numel *= static_cast<size_t>(size);
  }
  const auto rows = static_cast<size_t>(bitmask.shape.at(0));
  const auto row_bytes = static_cast<size_t>(bitmask.shape.at(1));
  const auto width = static_cast<size_t>(dtype_bits(compressed.dtype) / 8);
  std::vector<std::byte> bytes(numel * width);
  for (size_t row = 0; row < rows; ++row) {
    auto next = static_cast<size_t>(offsets[row]);
    for (size_t column = 0; column < numel / rows; ++column) {
      if (bits[row * row_bytes + column / 8] >> (column % 8) & 1) {
        std::memcpy(
            &bytes[(row * (numel / rows) + column) * width],
            compressed.data + next++ * width,
            width);
      }
    }
  }
  return bytes;
}

} // namespace coppice::testing
