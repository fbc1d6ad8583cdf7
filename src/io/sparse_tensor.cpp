#include "io/sparse_tensor.h"

#include <algorithm>

#include "kernels/bitmask.h"

namespace coppice::io {
namespace {

/// Elements processed at a time, so that results stay in the cache. A multiple
/// of 8, so that pieces of a row end at a byte of its bitmask.
constexpr uint64_t kPiece = 1 << 15;

/// Offsets and padding of rows may cost at most 1 / kRowsShare of a tensor.
constexpr uint64_t kRowsShare = 160;

size_t width_of(const StoredTensor& tensor) {
  return static_cast<size_t>(dtype_bits(tensor.dtype) / 8);
}

uint64_t mask_bytes(const Packing& packing) {
  return packing.rows * packing.row_bytes();
}

/// Calls `work(data, count)` for every piece of every row.
template <typename Work>
void for_each_piece(
    const StoredTensor& tensor,
    const Packing& packing,
    Work work) {
  const std::byte* data = tensor.data;
  for (uint64_t row = 0; row < packing.rows; ++row) {
    for (uint64_t begin = 0; begin < packing.columns; begin += kPiece) {
      const uint64_t count = std::min(kPiece, packing.columns - begin);
      work(data, count);
      data += count * width_of(tensor);
    }
  }
}

void write_compressed(
    OutputFile& file,
    const StoredTensor& tensor,
    const Packing& packing) {
  BufferedOutput output(file);
  const size_t width = width_of(tensor);
  std::vector<std::byte> nonzeros(kPiece * width);
  for_each_piece(tensor, packing, [&](const std::byte* data, uint64_t count) {
    const size_t taken =
        kernels::compress_nonzeros(data, count, width, nonzeros.data());
    output.write(nonzeros.data(), taken * width);
  });
  output.flush();
}

void write_bitmask(
    OutputFile& file,
    const StoredTensor& tensor,
    const Packing& packing) {
  BufferedOutput output(file);
  std::vector<uint8_t> bits(kPiece / 8);
  for_each_piece(tensor, packing, [&](const std::byte* data, uint64_t count) {
    kernels::nonzero_bits(data, count, width_of(tensor), bits.data());
    output.write(bits.data(), (count + 7) / 8);
  });
  output.flush();
}

void write_row_offsets(
    OutputFile& file,
    const StoredTensor& tensor,
    const Packing& packing) {
  BufferedOutput output(file);
  const uint64_t row_size = packing.columns * width_of(tensor);
  int64_t offset = 0;
  for (uint64_t row = 0; row < packing.rows; ++row) {
    output.write(&offset, sizeof(offset));
    if (row + 1 < packing.rows) {
      offset += static_cast<int64_t>(kernels::count_nonzeros(
          tensor.data + row * row_size, packing.columns, width_of(tensor)));
    }
  }
  output.flush();
}

void write_shape(OutputFile& file, const StoredTensor& tensor) {
  file.write(tensor.shape.data(), tensor.shape.size() * sizeof(int64_t));
}

} // namespace

bool can_pack(Dtype dtype) {
  return dtype == Dtype::F16 || dtype == Dtype::BF16 || dtype == Dtype::F32 ||
      dtype == Dtype::F64;
}

Packing packing_of(const StoredTensor& tensor, bool keep_rows) {
  const auto numel = static_cast<uint64_t>(tensor.numel());
  const size_t width = width_of(tensor);
  Packing packing;
  packing.columns = numel;
  for_each_piece(tensor, packing, [&](const std::byte* data, uint64_t count) {
    packing.nonzeros += kernels::count_nonzeros(data, count, width);
  });
  Packing rows = packing;
  rows.columns =
      tensor.shape.empty() ? 1 : static_cast<uint64_t>(tensor.shape.back());
  rows.rows = numel / rows.columns;
  const uint64_t cost =
      rows.rows * sizeof(int64_t) + mask_bytes(rows) - mask_bytes(packing);
  return keep_rows || cost <= numel * width / kRowsShare ? rows : packing;
}

uint64_t packed_size(const StoredTensor& tensor, const Packing& packing) {
  // Three more header entries than an ordinary tensor.
  const uint64_t header = 3 * (tensor.name.size() + 80);
  return packing.nonzeros * width_of(tensor) + mask_bytes(packing) +
      (packing.rows + tensor.shape.size()) * sizeof(int64_t) + header;
}

std::vector<Section> packed_sections(
    const StoredTensor& tensor,
    const Packing& packing) {
  const auto size = [](uint64_t count) { return static_cast<int64_t>(count); };
  const auto section = [&](std::string_view suffix,
                           Dtype dtype,
                           std::vector<int64_t> shape,
                           std::function<void(OutputFile&)> write) {
    uint64_t nbytes = static_cast<uint64_t>(dtype_bits(dtype) / 8);
    for (const int64_t extent : shape) {
      nbytes *= static_cast<uint64_t>(extent);
    }
    return Section{
        tensor.name + std::string(suffix),
        dtype,
        std::move(shape),
        nbytes,
        std::move(write)};
  };
  return {
      section(
          kShapeSuffix,
          Dtype::I64,
          {size(tensor.shape.size())},
          [&tensor](OutputFile& file) { write_shape(file, tensor); }),
      section(
          kCompressedSuffix,
          tensor.dtype,
          {size(packing.nonzeros)},
          [&tensor, packing](OutputFile& file) {
            write_compressed(file, tensor, packing);
          }),
      section(
          kBitmaskSuffix,
          Dtype::U8,
          {size(packing.rows), size(packing.row_bytes())},
          [&tensor, packing](OutputFile& file) {
            write_bitmask(file, tensor, packing);
          }),
      section(
          kRowOffsetsSuffix,
          Dtype::I64,
          {size(packing.rows)},
          [&tensor, packing](OutputFile& file) {
            write_row_offsets(file, tensor, packing);
          }),
  };
}

void unpack(
    const PackedTensor& tensor,
    const std::function<void(const std::byte*, size_t)>& take) {
  const auto& packing = tensor.packing;
  const size_t width = width_of(*tensor.compressed);
  std::vector<std::byte> values(kPiece * width);
  const std::byte* nonzeros = tensor.compressed->data;
  size_t filled = 0; // Short rows are passed on together.
  for (uint64_t row = 0; row < packing.rows; ++row) {
    const auto* bits = reinterpret_cast<const uint8_t*>(
        tensor.bitmask->data + row * packing.row_bytes());
    for (uint64_t begin = 0; begin < packing.columns; begin += kPiece) {
      const uint64_t count = std::min(kPiece, packing.columns - begin);
      if (filled + count > kPiece) {
        take(values.data(), filled * width);
        filled = 0;
      }
      nonzeros += width *
          kernels::expand_nonzeros(
                      bits + begin / 8,
                      nonzeros,
                      count,
                      width,
                      values.data() + filled * width);
      filled += count;
    }
  }
  take(values.data(), filled * width);
}

} // namespace coppice::io
