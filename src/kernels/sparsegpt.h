#pragma once

#include <cstddef>
#include <cstdint>

/// The column scan of SparseGPT (Frantar, Alistarh, 2023).
namespace coppice::kernels {

/// A block of columns of a weight, and how dropping one changes the others.
template <class T>
struct ScannedColumns {
  size_t columns = 0;
  size_t stride = 0; ///< Between rows of weight and mask.
  const T* factor =
      nullptr; ///< [columns, columns] row-major, upper triangular.
  size_t errors_stride = 0;
  /// N:M if the scan chooses the mask; 0 if the mask is given.
  size_t n = 0;
  size_t m = 0;
};

/// Scans the columns of `rows` rows from left to right. A dropped value becomes
/// zero, its error e = w / factor[j][j] is written to `errors`, and e *
/// factor[j][...] is subtracted from the columns after it. A kept value has the
/// error 0. Rows are independent.
///
/// `weight`: [rows, columns], changed.
/// `keep`: [rows, columns], 1 keeps; becomes the mask. With N:M the lowest w^2
///   / factor[j][j]^2 of each group are dropped; what `keep` drops already
///   counts; ties: the lower index is dropped.
/// `errors`: [rows, columns].
template <class T>
void scan_columns(
    const ScannedColumns<T>& how,
    size_t rows,
    T* weight,
    uint8_t* keep,
    T* errors);

} // namespace coppice::kernels
