#pragma once

#include <torch/types.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// How a packed weight lies in memory: what the kernel of that name reads. Each
/// holds any weight, up to a number of columns; they differ in what they leave
/// out and in the batch for which they are made.
enum class PackedFormat {
  /// Every weight. Batches of up to 8.
  Dense,
  /// A bit for each weight; for single inputs and up to about 85% zeros, 2:4
  /// among them.
  BitmaskRows,
  /// Weights and their columns; for single inputs and above about 85% zeros. At
  /// most 65536 columns.
  CompressedRows,
  /// Columns grouped by the pattern of four rows; for batches.
  PatternPanels,
  /// Weights and their columns, rows of as many weights together; for batches
  /// and above about 75% zeros.
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
  /// Every weight, by column; for single inputs that are largely zero.
  InputColumns,
  /// A bit for each weight, by column; for single inputs that are largely zero.
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

/// Whether the format is made for that batch. With others a product is right
/// but slow: an input at a time.
COPPICE_API bool serves_batch(PackedFormat format, int64_t batch);

/// The formats that may pay for `weight`, [out, ...], by where its zeros are:
/// what a measurement should try. Dense is the first. Formats of blocks are
/// there if at least half of the zeros lie in whole blocks of zeros. Those by
/// column are there if `sparse_input`: they profit from zeros that the weight
/// does not show.
///
/// Errors: as `PackedWeight::pack`.
COPPICE_API std::vector<PackedFormat> applicable_formats(
    const torch::Tensor& weight,
    bool sparse_input = false);

} // namespace coppice
