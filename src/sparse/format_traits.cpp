#include "sparse/format_traits.h"

#include <c10/util/Exception.h>

#include <iterator>
#include <limits>

#include "sparse/product.h"

namespace coppice::sparse {
namespace {

constexpr int64_t kAnyBatch = std::numeric_limits<int64_t>::max();
/// Most formats store column indices of 16 bits.
constexpr int64_t kMaxIndex = 65536;
constexpr int64_t kAnyColumns = int64_t(1) << 32;

constexpr FormatTraits with_zeros_stored(FormatTraits traits) {
  traits.stores_zeros = true;
  return traits;
}

/// Row by row, for single inputs.
constexpr FormatTraits by_row(
    PackedFormat format,
    const char* name,
    BlockShape block,
    int64_t max_columns,
    std::unique_ptr<Product> (*make)(const ToPack&)) {
  return {format, name, block, 0, 1, false, false, false, max_columns, make};
}

/// Column by column, for single inputs that are largely zero.
constexpr FormatTraits by_column(
    PackedFormat format,
    const char* name,
    std::unique_ptr<Product> (*make)(const ToPack&)) {
  return {format, name, {1, 1}, 0, 1, false, true, false, kAnyColumns, make};
}

/// For batches; the layout depends on their size.
constexpr FormatTraits for_batch(
    PackedFormat format,
    const char* name,
    std::unique_ptr<Product> (*make)(const ToPack&)) {
  return {
      format,
      name,
      {1, 1},
      2,
      kAnyBatch,
      true,
      false,
      false,
      kAnyColumns,
      make};
}

constexpr FormatTraits
blocks_of_outputs(PackedFormat format, const char* name, int64_t height) {
  return {
      format,
      name,
      {height, 1},
      0,
      kAnyBatch,
      false,
      false,
      false,
      kMaxIndex,
      make_output_blocks};
}

constexpr FormatTraits dense() {
  auto traits = with_zeros_stored(
      by_row(PackedFormat::Dense, "dense", {1, 1}, kAnyColumns, make_dense));
  traits.max_batch = 8;
  return traits;
}

using Format = PackedFormat;

constexpr FormatTraits kTable[] = {
    dense(),
    by_row(
        Format::BitmaskRows,
        "bitmask_rows",
        {1, 1},
        kAnyColumns,
        make_bitmask_rows),
    by_row(
        Format::CompressedRows,
        "compressed_rows",
        {1, 1},
        kMaxIndex,
        make_compressed_rows),
    for_batch(Format::PatternPanels, "pattern_panels", make_pattern_panels),
    for_batch(Format::SortedRows, "sorted_rows", make_sorted_rows),
    blocks_of_outputs(Format::OutputBlocks4, "output_blocks4", 4),
    blocks_of_outputs(Format::OutputBlocks8, "output_blocks8", 8),
    blocks_of_outputs(Format::OutputBlocks16, "output_blocks16", 16),
    by_row(
        Format::InputBlocks4,
        "input_blocks4",
        {1, 4},
        4 * kMaxIndex,
        make_input_blocks),
    by_row(
        Format::InputBlocks8,
        "input_blocks8",
        {1, 8},
        8 * kMaxIndex,
        make_input_blocks),
    by_row(
        Format::InputBlocks16,
        "input_blocks16",
        {1, 16},
        16 * kMaxIndex,
        make_input_blocks),
    with_zeros_stored(
        by_column(Format::InputColumns, "input_columns", make_input_columns)),
    by_column(Format::BitmaskColumns, "bitmask_columns", make_bitmask_columns),
};

/// Whether row i belongs to format i, so that lookup is by index.
constexpr bool is_in_order() {
  for (size_t i = 0; i < std::size(kTable); ++i) {
    if (static_cast<size_t>(kTable[i].format) != i) {
      return false;
    }
  }
  return true;
}
static_assert(is_in_order());

} // namespace

const FormatTraits& traits_of(PackedFormat format) {
  const auto row = static_cast<size_t>(format);
  TORCH_CHECK_VALUE(
      row < std::size(kTable), "no packed format has number ", row);
  return kTable[row];
}

} // namespace coppice::sparse

namespace coppice {

const std::vector<PackedFormat>& packed_formats() {
  static const auto formats = [] {
    std::vector<PackedFormat> all;
    for (const auto& row : sparse::kTable) {
      all.push_back(row.format);
    }
    return all;
  }();
  return formats;
}

} // namespace coppice
