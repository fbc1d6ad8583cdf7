#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coppice/archive/stored_tensor.h"
#include "io/safetensors_writer.h"

namespace coppice::io {

/// A packed tensor is stored as four, named NAME plus one of these.
constexpr std::string_view kShapeSuffix = ".shape";
constexpr std::string_view kCompressedSuffix = ".compressed";
constexpr std::string_view kBitmaskSuffix = ".bitmask";
constexpr std::string_view kRowOffsetsSuffix = ".row_offsets";

/// Whether tensors of a dtype can be packed: floats of 2, 4 and 8 bytes.
bool can_pack(Dtype dtype);

/// How a tensor is packed.
struct Packing {
  uint64_t rows = 1;
  uint64_t columns = 1;
  uint64_t nonzeros = 0;

  uint64_t row_bytes() const { ///< Bitmask bytes per row.
    return (columns + 7) / 8;
  }
};

/// Counts the nonzeros and chooses the rows. `tensor` is contiguous, not empty
/// and of a dtype that can be packed.
Packing packing_of(const StoredTensor& tensor, bool keep_rows);

/// The approximate size in bytes of a packed tensor in a file, header included.
uint64_t packed_size(const StoredTensor& tensor, const Packing& packing);

/// The four tensors, computed while they are written. `tensor` must outlive
/// them.
std::vector<Section> packed_sections(
    const StoredTensor& tensor,
    const Packing& packing);

/// The four tensors in a file; null where missing.
struct PackedTensor {
  const StoredTensor* shape = nullptr;
  const StoredTensor* compressed = nullptr;
  const StoredTensor* bitmask = nullptr;
  const StoredTensor* row_offsets = nullptr;
  Packing packing; ///< Set by `check_packed`.

  /// Bytes of the unpacked tensor. Requires `check_packed`.
  uint64_t nbytes() const {
    return packing.rows * packing.columns *
        static_cast<uint64_t>(dtype_bits(compressed->dtype) / 8);
  }
};

/// Checks everything that `unpack` relies on. Returns the problem, empty if
/// there is none: "has no ...".
std::string check_packed(PackedTensor& tensor);

/// Passes the bytes of the tensor to `take`, in order, in pieces.
void unpack(
    const PackedTensor& tensor,
    const std::function<void(const std::byte*, size_t)>& take);

} // namespace coppice::io
