#pragma once

#include <torch/types.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// The memory layout of a packed weight, read by the kernel of that name. Each
/// can store any weight, up to a number of columns; they differ in the zeros
/// they skip and the batch they are designed for.
enum class PackedFormat {
  /// Every weight. Batches of up to 8.
  Dense,
  /// A bit for each weight; for single inputs and up to about 85% zeros,
  /// including 2:4.
  BitmaskRows,
  /// Weights and their columns; for single inputs and above about 85% zeros. At
  /// most 65536 columns.
  CompressedRows,
  /// Columns grouped by the pattern of four rows; for batches.
  PatternPanels,
  /// Weights and their columns, rows sorted by their number of weights; for
  /// batches and above about 75% zeros.
  SortedRows,
  /// Blocks of 4, 8 or 16 outputs of a column; for any batch. At most 65536
  /// columns.
  OutputBlocks4,
  OutputBlocks8,
  OutputBlocks16,
  /// Blocks of 4, 8 or 16 inputs of a row; for single inputs. At most 65536
  /// blocks a row.
  InputBlocks4,
  InputBlocks8,
  InputBlocks16,
  /// Every weight, by column; for single inputs with many zeros.
  InputColumns,
  /// A bit for each weight, by column; for single inputs with many zeros.
  BitmaskColumns,
};

/// All formats, in the order above.
COPPICE_API const std::vector<PackedFormat>& packed_formats();

/// "dense", "bitmask_rows", "output_blocks16" ...
COPPICE_API std::string to_string(PackedFormat format);

/// The inverse of `to_string`.
///
/// Errors: c10::ValueError if there is no such format; the message names the
///   nearest.
COPPICE_API PackedFormat parse_packed_format(std::string_view name);

COPPICE_API std::ostream& operator<<(std::ostream& stream, PackedFormat format);

/// Whether the format is designed for that batch. Others give correct results,
/// but slowly: one input at a time.
COPPICE_API bool serves_batch(PackedFormat format, int64_t batch);

/// The formats worth measuring for `weight`, [out, ...], given the positions of
/// its zeros; Dense comes first. Block formats are included if at least half of
/// the zeros are in whole blocks of zeros. Formats by column are included if
/// `sparse_input`: they profit from zeros of the input.
///
/// Errors: as `PackedWeight::pack`.
COPPICE_API std::vector<PackedFormat> applicable_formats(
    const torch::Tensor& weight,
    bool sparse_input = false);

} // namespace coppice
