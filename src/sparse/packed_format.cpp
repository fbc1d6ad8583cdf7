#include "coppice/sparse/packed_format.h"

#include <c10/util/Exception.h>

#include "coppice/core/fqn.h"
#include "coppice/core/pattern.h"
#include "coppice/masks/measure.h"
#include "sparse/check.h"

namespace coppice {
namespace {

struct Entry {
  PackedFormat format;
  const char* name;
  BlockShape block;
};

constexpr Entry kEntries[] = {
    {PackedFormat::Dense, "dense", {1, 1}},
    {PackedFormat::BitmaskRows, "bitmask_rows", {1, 1}},
    {PackedFormat::CompressedRows, "compressed_rows", {1, 1}},
    {PackedFormat::PatternPanels, "pattern_panels", {1, 1}},
    {PackedFormat::SortedRows, "sorted_rows", {1, 1}},
    {PackedFormat::OutputBlocks4, "output_blocks4", {4, 1}},
    {PackedFormat::OutputBlocks8, "output_blocks8", {8, 1}},
    {PackedFormat::OutputBlocks16, "output_blocks16", {16, 1}},
    {PackedFormat::InputBlocks4, "input_blocks4", {1, 4}},
    {PackedFormat::InputBlocks8, "input_blocks8", {1, 8}},
    {PackedFormat::InputBlocks16, "input_blocks16", {1, 16}},
    {PackedFormat::InputColumns, "input_columns", {1, 1}},
    {PackedFormat::BitmaskColumns, "bitmask_columns", {1, 1}},
};

bool is_by_column(PackedFormat format) {
  return format == PackedFormat::InputColumns ||
      format == PackedFormat::BitmaskColumns;
}

/// Whether at least half of the zeros lie in blocks of zeros.
bool blocks_fit(const torch::Tensor& matrix, BlockShape block) {
  const auto occupancy = block_occupancy(matrix, block);
  const double left_out =
      1 - static_cast<double>(occupancy.kept) / occupancy.blocks;
  return left_out > 0 && left_out >= sparsity(matrix) / 2;
}

} // namespace

const std::vector<PackedFormat>& packed_formats() {
  static const auto formats = [] {
    std::vector<PackedFormat> all;
    for (const auto& entry : kEntries) {
      all.push_back(entry.format);
    }
    return all;
  }();
  return formats;
}

std::string to_string(PackedFormat format) {
  for (const auto& entry : kEntries) {
    if (entry.format == format) {
      return entry.name;
    }
  }
  TORCH_CHECK_VALUE(false, "no packed format has number ", int(format));
}

PackedFormat parse_packed_format(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& entry : kEntries) {
    if (name == entry.name) {
      return entry.format;
    }
    names.push_back(entry.name);
  }
  TORCH_CHECK_VALUE(
      false,
      "`",
      name,
      "` is no packed format; the nearest is `",
      nearest_name(name, names),
      "`");
}

std::ostream& operator<<(std::ostream& stream, PackedFormat format) {
  return stream << to_string(format);
}

bool serves_batch(PackedFormat format, int64_t batch) {
  switch (format) {
    case PackedFormat::Dense:
      return batch <= 8;
    case PackedFormat::PatternPanels:
    case PackedFormat::SortedRows:
      return batch > 1;
    case PackedFormat::OutputBlocks4:
    case PackedFormat::OutputBlocks8:
    case PackedFormat::OutputBlocks16:
      return true;
    default:
      return batch <= 1;
  }
}

std::vector<PackedFormat> applicable_formats(
    const torch::Tensor& weight,
    bool sparse_input) {
  sparse::check_weight("applicable_formats", weight);
  const auto matrix = sparse::as_matrix(weight);
  const bool has_zeros = matrix.numel() > 0 && count_zeros(matrix) > 0;
  std::vector<PackedFormat> formats{PackedFormat::Dense};
  for (const auto& entry : kEntries) {
    if (entry.format == PackedFormat::Dense ||
        !sparse::columns_fit(entry.format, matrix.size(1)) ||
        (is_by_column(entry.format) && !sparse_input)) {
      continue;
    }
    const bool fits = entry.block.size() > 1
        ? has_zeros && blocks_fit(matrix, entry.block)
        : has_zeros || entry.format == PackedFormat::InputColumns;
    if (fits) {
      formats.push_back(entry.format);
    }
  }
  return formats;
}

} // namespace coppice
