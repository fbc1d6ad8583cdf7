#pragma once

#include <cstdlib>

#include "coppice/io/checkpoint.h"

namespace coppice::fuzz {

/// Reads the first and the last byte of each tensor and each place of a
/// checksum, so that AddressSanitizer sees those that are wrong.
inline unsigned touch(const Checkpoint& checkpoint) {
  unsigned sum = 0;
  for (const auto& tensor : checkpoint.state.tensors) {
    if (tensor.numel() == 0) {
      continue;
    }
    int64_t last = 0;
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      last += (tensor.shape[i] - 1) * tensor.strides[i];
    }
    const int64_t width = dtype_bits(tensor.dtype) / 8;
    sum += static_cast<unsigned>(tensor.data[0]);
    sum += static_cast<unsigned>(tensor.data[(last + 1) * width - 1]);
  }
  for (const auto& checksum : checkpoint.checksums) {
    const auto& file = *checkpoint.files.at(checksum.file);
    for (const uint64_t place : checksum.places) {
      if (file.size() < 4 || place > file.size() - 4) {
        std::abort();
      }
    }
    if (checksum.covered.end > file.size()) {
      std::abort();
    }
  }
  return sum;
}

} // namespace coppice::fuzz
