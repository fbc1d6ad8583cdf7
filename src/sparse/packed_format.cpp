#include "coppice/sparse/packed_format.h"

#include <c10/util/Exception.h>

#include "coppice/core/pattern.h"
#include "coppice/masks/measure.h"
#include "core/fqn.h"
#include "sparse/check.h"
#include "sparse/format_traits.h"

namespace coppice {
namespace {

/// Whether at least half of the zeros are in blocks of zeros.
bool zeros_form_blocks(const torch::Tensor& matrix, BlockShape block) {
  const auto occupancy = block_occupancy(matrix, block);
  const double left_out =
      1 - static_cast<double>(occupancy.kept) / occupancy.blocks;
  return left_out > 0 && left_out >= sparsity(matrix) / 2;
}

} // namespace

std::string to_string(PackedFormat format) {
  return sparse::traits_of(format).name;
}

PackedFormat parse_packed_format(std::string_view name) {
  std::vector<std::string> names;
  for (const auto format : packed_formats()) {
    names.push_back(to_string(format));
    if (name == names.back()) {
      return format;
    }
  }
  TORCH_CHECK_VALUE(
      false,
      "`",
      name,
      "` is not a packed format; the nearest is `",
      nearest_name(name, names),
      "`");
}

std::ostream& operator<<(std::ostream& stream, PackedFormat format) {
  return stream << to_string(format);
}

bool serves_batch(PackedFormat format, int64_t batch) {
  const auto& traits = sparse::traits_of(format);
  return batch >= traits.min_batch && batch <= traits.max_batch;
}

std::vector<PackedFormat> applicable_formats(
    const torch::Tensor& weight,
    bool sparse_input) {
  sparse::check_weight("applicable_formats", weight);
  const auto matrix = sparse::as_matrix(weight);
  const bool has_zeros = matrix.numel() > 0 && count_zeros(matrix) > 0;
  std::vector<PackedFormat> formats;
  for (const auto format : packed_formats()) {
    const auto& traits = sparse::traits_of(format);
    if (matrix.size(1) > traits.max_columns ||
        (traits.skips_inputs && !sparse_input)) {
      continue;
    }
    const bool fits = traits.block.size() > 1
        ? has_zeros && zeros_form_blocks(matrix, traits.block)
        : has_zeros || traits.stores_zeros;
    if (fits) {
      formats.push_back(format);
    }
  }
  return formats;
}

} // namespace coppice
