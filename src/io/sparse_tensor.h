#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coppice/archive/stored_tensor.h"
#include "io/safetensors_writer.h"

namespace coppice::io {

/// The four tensors that a packed one is stored as, after its name and ".".
constexpr std::string_view kShapeSuffix = ".shape";
constexpr std::string_view kCompressedSuffix = ".compressed";
constexpr std::string_view kBitmaskSuffix = ".bitmask";
constexpr std::string_view kRowOffsetsSuffix = ".row_offsets";

/// Whether tensors of a dtype are packed at all: floats of 2, 4 and 8 bytes.
bool can_pack(Dtype dtype);

/// How a tensor is packed.
struct Packing {
  uint64_t rows = 1;
  uint64_t columns = 1;
  uint64_t nonzeros = 0;

  uint64_t row_bytes() const { ///< Of the bitmask.
    return (columns + 7) / 8;
  }
};

/// Counts what is not zero and decides on the rows. `tensor` is contiguous, not
/// empty and of a dtype that can be packed.
Packing packing_of(const StoredTensor& tensor, bool keep_rows);

/// Bytes that a packed tensor takes in a file, its header included, about.
uint64_t packed_size(const StoredTensor& tensor, const Packing& packing);

/// The four tensors, made while they are written. `tensor` must outlive them.
std::vector<Section> packed_sections(
    const StoredTensor& tensor,
    const Packing& packing);

/// The four tensors, as found in a file; null where one is missing.
struct PackedTensor {
  const StoredTensor* shape = nullptr;
  const StoredTensor* compressed = nullptr;
  const StoredTensor* bitmask = nullptr;
  const StoredTensor* row_offsets = nullptr;
  Packing packing; ///< After `check_packed`.

  /// Bytes of the tensor unpacked; after `check_packed`.
  uint64_t nbytes() const {
    return packing.rows * packing.columns *
        static_cast<uint64_t>(dtype_bits(compressed->dtype) / 8);
  }
};

/// Checks all that `unpack` relies on. Returns what is wrong, empty if nothing
/// is: "its bitmask ...".
std::string check_packed(PackedTensor& tensor);

/// Gives `take` the bytes of the tensor, in order, piece by piece.
void unpack(
    const PackedTensor& tensor,
    const std::function<void(const std::byte*, size_t)>& take);

} // namespace coppice::io
