#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/export.h"

/// A tensor in a file. Independent of LibTorch, as are the file readers;
/// model/torch_tensors.h converts to `torch::Tensor`.
namespace coppice {

/// The element types of checkpoints: those of safetensors, under its names, and
/// LibTorch's quantized and wide complex ones.
enum class Dtype : uint8_t {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  F8_E4M3FNUZ,
  F8_E5M2FNUZ,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
  C128,
  QINT8,
  QUINT8,
  QINT32,
};

/// "F32"
COPPICE_API std::string_view dtype_name(Dtype dtype);

/// The inverse of `dtype_name`; nullopt for unknown names.
COPPICE_API std::optional<Dtype> dtype_of_name(std::string_view name);

/// Bits per element; 4 and 6 for types of less than a byte.
COPPICE_API int64_t dtype_bits(Dtype dtype);

/// A tensor in memory owned by another object, most often a mapped file.
struct COPPICE_API StoredTensor {
  std::string name; ///< The tensor's FQN.
  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;      ///< In elements; row-major in most files.
  const std::byte* data = nullptr;   ///< The first element.
  std::shared_ptr<const void> owner; ///< Keeps `data` valid.
  /// Why the values must not be changed ("quantized"); empty for most.
  std::string fixed_because;

  int64_t numel() const;
  /// Bytes of the elements, without gaps between them.
  uint64_t nbytes() const;
  /// Whether the elements are row-major without gaps.
  bool is_contiguous() const;
};

/// The strides of a row-major tensor, in elements.
COPPICE_API std::vector<int64_t> contiguous_strides(
    const std::vector<int64_t>& shape);

} // namespace coppice
