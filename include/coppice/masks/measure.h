#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

#include "coppice/core/pattern.h"
#include "coppice/export.h"

namespace coppice {

/// Number of elements that are exactly zero (-0 included). Any dtype.
COPPICE_API int64_t count_zeros(const torch::Tensor& tensor);

/// Fraction of elements that are exactly zero; 0 for an empty tensor.
COPPICE_API double sparsity(const torch::Tensor& tensor);

/// Fraction of groups of `pattern.m` neighbours along the input dimension that
/// hold at least m - n zeros; 1 means `tensor` is N:M sparse. A shorter last
/// group must have at most n non-zeros.
///
/// Errors: c10::ValueError if `tensor` is empty or has fewer than two
///   dimensions, or unless 0 < n <= m.
COPPICE_API double nm_conformity(const torch::Tensor& tensor, Nm pattern);

/// How the zeros of a tensor are distributed over blocks.
struct BlockOccupancy {
  int64_t blocks = 0; ///< Blocks in the tensor, partial ones included.
  int64_t kept = 0;   ///< Blocks with at least one non-zero element.

  /// Whether every zero is in a block of zeros.
  bool aligned = false;
};

/// Errors: c10::ValueError if `tensor` is empty or has fewer than two
///   dimensions, or a side of the block is not positive.
COPPICE_API BlockOccupancy
block_occupancy(const torch::Tensor& tensor, BlockShape block);

/// The first of the blocks 16x1, 1x16, 4x4, 8x1, 4x1, 1x4 that fits into the
/// matrix and whose zeros are aligned; nullopt if none is, or there are no
/// zeros.
///
/// Errors: c10::ValueError if `tensor` is empty or has fewer than two
///   dimensions.
COPPICE_API std::optional<BlockShape> detect_block(const torch::Tensor& tensor);

/// The first of 1:4, 2:4 and 4:8 that every group satisfies, with at least that
/// sparsity; nullopt if none is.
///
/// Errors: as `detect_block`.
COPPICE_API std::optional<Nm> detect_nm(const torch::Tensor& tensor);

/// The most regular pattern that the zeros of `tensor` satisfy: `detect_block`,
/// else `detect_nm`, else (or without zeros) unstructured.
///
/// Errors: c10::ValueError if `tensor` is empty or has fewer than two
/// dimensions.
COPPICE_API Pattern detect_pattern(const torch::Tensor& tensor);

/// A downsampled map of the non-zeros. `tensor` [h, ...] is seen as the matrix
/// [h, w] and divided into cells of one size, the smallest for which at most
/// `most_rows` x `most_cols` cells cover it. A matrix that small has one cell
/// per element.
///
/// Returns: float32 [rows, cols], the fraction of each cell's elements that are
///   not zero (NaN is not zero); partial cells at the edges count their own
///   elements.
/// Errors: c10::ValueError if `tensor` is empty or has fewer than two
///   dimensions, or unless both limits are positive.
COPPICE_API torch::Tensor
density_map(const torch::Tensor& tensor, int64_t most_rows, int64_t most_cols);

} // namespace coppice
