#pragma once

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "coppice/io/state_dict.h"

namespace coppice::testing {

/// The dtypes that safetensors knows.
inline std::vector<Dtype> safetensors_dtypes() {
  return {
      Dtype::BOOL,    Dtype::F4,          Dtype::F6_E2M3,     Dtype::F6_E3M2,
      Dtype::U8,      Dtype::I8,          Dtype::F8_E5M2,     Dtype::F8_E4M3,
      Dtype::F8_E8M0, Dtype::F8_E4M3FNUZ, Dtype::F8_E5M2FNUZ, Dtype::I16,
      Dtype::U16,     Dtype::F16,         Dtype::BF16,        Dtype::I32,
      Dtype::U32,     Dtype::F32,         Dtype::C64,         Dtype::F64,
      Dtype::I64,     Dtype::U64};
}

/// A row-major tensor of the bytes given.
inline StoredTensor tensor_of(
    const std::string& name,
    Dtype dtype,
    const std::vector<int64_t>& shape,
    std::vector<std::byte> bytes) {
  StoredTensor tensor;
  tensor.name = name;
  tensor.dtype = dtype;
  tensor.shape = shape;
  tensor.strides = contiguous_strides(shape);
  const auto owner =
      std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  tensor.data = owner->data();
  tensor.owner = owner;
  return tensor;
}

/// A tensor with `zeros` of 100 elements zero, the others of any bits: NaN with
/// any payload, denormals, and now and then -0.
inline StoredTensor random_tensor(
    const std::string& name,
    Dtype dtype,
    const std::vector<int64_t>& shape,
    unsigned zeros,
    std::mt19937_64& random) {
  auto tensor = tensor_of(name, dtype, shape, {});
  std::vector<std::byte> bytes(tensor.nbytes());
  const size_t width = std::max<size_t>(1, dtype_bits(dtype) / 8);
  for (size_t i = 0; i < bytes.size(); i += width) {
    if (random() % 100 < zeros) {
      continue;
    }
    if (random() % 20 == 0) {
      bytes[i + width - 1] = std::byte(0x80);
      continue;
    }
    for (size_t k = 0; k < width; ++k) {
      bytes[i + k] = std::byte(random());
    }
  }
  return tensor_of(name, dtype, shape, std::move(bytes));
}

/// Some tensors of any dtype, of 0 to 3 dimensions, also empty ones.
inline StateDict random_state(std::mt19937_64& random) {
  const auto dtypes = safetensors_dtypes();
  StateDict state;
  const size_t count = random() % 8;
  for (size_t i = 0; i < count; ++i) {
    const auto dtype = dtypes[random() % dtypes.size()];
    std::vector<int64_t> shape(random() % 4);
    for (auto& size : shape) {
      size = static_cast<int64_t>(random() % 12);
    }
    if (dtype_bits(dtype) % 8 != 0) {
      shape.push_back(8);
    }
    if (random() % 3 == 0) {
      shape.push_back(static_cast<int64_t>(random() % 2000));
    }
    state.tensors.push_back(random_tensor(
        fmt::format("layer {}.\"\xc3\xa9\"{}", i, random() % 10),
        dtype,
        shape,
        static_cast<unsigned>(random() % 101),
        random));
  }
  if (random() % 2 == 0) {
    state.metadata = {{"format", "pt"}, {"\xe5\xb1\x82\n", ""}};
  }
  return state;
}

} // namespace coppice::testing
