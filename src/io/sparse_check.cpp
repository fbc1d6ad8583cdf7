#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "io/sparse_tensor.h"
#include "kernels/bitmask.h"

namespace coppice::io {
namespace {

int64_t number_at(const StoredTensor& tensor, uint64_t i) {
  int64_t value;
  std::memcpy(&value, tensor.data + i * sizeof(value), sizeof(value));
  return value;
}

/// The number of elements of the stored shape; 0 if invalid.
uint64_t stated_numel(const StoredTensor& shape) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / 8;
  constexpr int64_t kMaxDimensions = 64;
  if (shape.shape[0] > kMaxDimensions) {
    return 0;
  }
  int64_t product = 1;
  for (int64_t i = 0; i < shape.shape[0]; ++i) {
    const int64_t size = number_at(shape, static_cast<uint64_t>(i));
    if (size <= 0 || size > kMax / product) {
      return 0;
    }
    product *= size;
  }
  return static_cast<uint64_t>(product);
}

bool is(const StoredTensor& tensor, Dtype dtype, size_t dimensions) {
  return tensor.dtype == dtype && tensor.shape.size() == dimensions;
}

std::string check_forms(const PackedTensor& tensor) {
  if (!tensor.shape || !is(*tensor.shape, Dtype::I64, 1)) {
    return "has no `shape` of integers";
  }
  if (!tensor.compressed || tensor.compressed->shape.size() != 1 ||
      !can_pack(tensor.compressed->dtype)) {
    return "has no `compressed` list of floats";
  }
  if (!tensor.bitmask || !is(*tensor.bitmask, Dtype::U8, 2)) {
    return "has no `bitmask` of bytes in rows";
  }
  if (!tensor.row_offsets || !is(*tensor.row_offsets, Dtype::I64, 1)) {
    return "has no `row_offsets`";
  }
  return "";
}

/// Checks sizes against each other, which bounds the output: 8 elements a byte
/// of the bitmask.
std::string check_sizes(PackedTensor& tensor) {
  auto& packing = tensor.packing;
  const uint64_t numel = stated_numel(*tensor.shape);
  packing.rows = static_cast<uint64_t>(tensor.bitmask->shape[0]);
  packing.nonzeros = static_cast<uint64_t>(tensor.compressed->shape[0]);
  if (numel == 0) {
    return "has an invalid `shape`";
  }
  if (packing.rows == 0 || numel % packing.rows != 0) {
    return fmt::format(
        "has {} elements but a `bitmask` of {} rows", numel, packing.rows);
  }
  packing.columns = numel / packing.rows;
  const auto row_bytes = static_cast<uint64_t>(tensor.bitmask->shape[1]);
  if (row_bytes != packing.row_bytes()) {
    return fmt::format(
        "has {} columns but a `bitmask` of {} bytes a row",
        packing.columns,
        row_bytes);
  }
  const auto offsets = static_cast<uint64_t>(tensor.row_offsets->shape[0]);
  if (offsets != packing.rows) {
    return fmt::format(
        "has {} rows but {} `row_offsets`", packing.rows, offsets);
  }
  return "";
}

std::string check_bits(const PackedTensor& tensor) {
  const auto& packing = tensor.packing;
  const auto* bits = reinterpret_cast<const uint8_t*>(tensor.bitmask->data);
  uint64_t nonzeros = 0;
  for (uint64_t row = 0; row < packing.rows; ++row) {
    const int64_t offset = number_at(*tensor.row_offsets, row);
    if (offset != static_cast<int64_t>(nonzeros)) {
      return fmt::format(
          "has the row offset {} for row {}, but by its `bitmask` it is {}",
          offset,
          row,
          nonzeros);
    }
    nonzeros += kernels::count_bits(bits, packing.columns);
    if (packing.columns % 8 != 0 &&
        bits[packing.row_bytes() - 1] >> (packing.columns % 8) != 0) {
      return fmt::format(
          "has bits after the last column of row {} of its `bitmask`", row);
    }
    bits += packing.row_bytes();
  }
  if (nonzeros != packing.nonzeros) {
    return fmt::format(
        "has {} `compressed` elements, but by its `bitmask` {}",
        packing.nonzeros,
        nonzeros);
  }
  return "";
}

} // namespace

std::string check_packed(PackedTensor& tensor) {
  auto problem = check_forms(tensor);
  if (problem.empty()) {
    problem = check_sizes(tensor);
  }
  return problem.empty() ? check_bits(tensor) : problem;
}

} // namespace coppice::io
