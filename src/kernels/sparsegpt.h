#pragma once

#include <cstddef>
#include <cstdint>

/// The scan of SparseGPT over some columns of a weight.
namespace coppice::kernels {

/// Some columns of a weight, and what dropping one of them does to the others.
template <class T>
struct ScannedColumns {
  size_t columns = 0;
  size_t stride = 0; ///< From a row to the next, of weight and mask.
  const T* factor =
      nullptr; ///< [columns, columns] row-major, upper triangular.
  size_t errors_stride = 0;
  /// N:M, whose mask is chosen on the way; 0 if the mask is given.
  size_t n = 0;
  size_t m = 0;
};

/// Goes through the columns of `rows` rows from left to right: a dropped value
/// becomes zero, its error e = w / factor[j][j] is written to `errors`, and the
/// columns after it lose e * factor[j][...]; a kept one has the error 0. Rows
/// do not depend on one another.
///
/// `weight`: [rows, columns], changed.
/// `keep`: [rows, columns], 1 keeps. With N:M the lowest w^2 / factor[j][j]^2
///   of each group fall besides what `keep` drops already, which counts; ties:
///   the lower index. It becomes the mask.
/// `errors`: [rows, columns].
template <class T>
void scan_columns(
    const ScannedColumns<T>& how,
    size_t rows,
    T* weight,
    uint8_t* keep,
    T* errors);

} // namespace coppice::kernels
