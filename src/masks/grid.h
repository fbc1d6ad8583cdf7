#pragma once

#include <torch/types.h>

#include "coppice/core/pattern.h"

namespace coppice::masks {

/// A tensor [h, ...] seen as the matrix [h, w] under blocks. A block larger
/// than the matrix is cut to it, which changes no mask.
struct Grid {
  int64_t h = 0;
  int64_t w = 0;
  int64_t rows = 1; ///< Rows of a block, at most h.
  int64_t cols = 1; ///< Columns of a block, at most w.

  int64_t block_rows() const {
    return (h + rows - 1) / rows;
  }
  int64_t block_cols() const {
    return (w + cols - 1) / cols;
  }
  int64_t block_size() const {
    return rows * cols;
  }
  int64_t blocks() const {
    return block_rows() * block_cols();
  }
  bool divides() const {
    return h % rows == 0 && w % cols == 0;
  }
};

/// Errors: c10::ValueError, with the prefix `function`, if a side of `block` is
///   not in [1, 2^31).
void check_block(const char* function, BlockShape block);

/// Errors: c10::ValueError if `zeros_per_block` is not in [0, block.size()].
void check_zeros_per_block(
    const char* function,
    BlockShape block,
    int64_t zeros_per_block);

/// Errors: c10::ValueError if `tensor` is not defined, empty or of fewer than
///   two dimensions.
void check_matrix(const char* function, const torch::Tensor& tensor);

/// Errors: c10::ValueError if `tensor` is not defined or not float64, float32,
///   half or bfloat16.
void check_floating(const char* function, const torch::Tensor& tensor);

/// The grid of `block` over `tensor`; both must be valid.
Grid grid_of(const torch::Tensor& tensor, BlockShape block);

/// The values that masks are computed from: detached, half types as float32.
torch::Tensor scorable(const torch::Tensor& values);

/// Whether the kernels support `values`: float32 on the CPU.
bool has_fast_path(const torch::Tensor& values);

} // namespace coppice::masks
