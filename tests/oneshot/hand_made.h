#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "support/temporary_folder.h"

namespace coppice::testing {

/// A checkpoint over a hand-made file, for shared storages.
struct HandMade {
  HandMade(const TemporaryFolder& folder, std::vector<float> values) {
    const std::string bytes(
        reinterpret_cast<const char*>(values.data()),
        values.size() * sizeof(float));
    checkpoint.files = {MappedFile::open(folder.write("raw", bytes))};
  }

  void add(
      std::string name,
      int64_t offset,
      std::vector<int64_t> shape,
      std::vector<int64_t> strides) {
    StoredTensor tensor;
    tensor.name = std::move(name);
    tensor.shape = std::move(shape);
    tensor.strides = std::move(strides);
    tensor.data = checkpoint.files[0]->data() + offset * sizeof(float);
    tensor.owner = checkpoint.files[0];
    checkpoint.state.tensors.push_back(tensor);
  }

  Checkpoint checkpoint;
};

inline std::vector<float> floats_of(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

} // namespace coppice::testing
