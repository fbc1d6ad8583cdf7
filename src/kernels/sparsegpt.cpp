#include "kernels/sparsegpt.h"

#include <algorithm>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sparsegpt.cpp"
#include "hwy/foreach_target.h" // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace coppice::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Rows scanned together, side by side in the vectors.
constexpr size_t kScanRows = 32;

/// kScanRows rows, transposed.
template <class T>
struct ScanTile {
  std::vector<T> values; ///< [columns, kScanRows]
  std::vector<uint8_t> keep;
  T errors[kScanRows] = {};

  explicit ScanTile(size_t columns)
      : values(columns * kScanRows), keep(columns * kScanRows) {}
};

/// Drops the lowest scores of the group of columns at `first`.
template <class T>
void ChooseGroup(
    const ScannedColumns<T>& how,
    size_t rows,
    size_t first,
    ScanTile<T>& tile) {
  const size_t size = std::min(how.m, how.columns - first);
  const size_t drop_count = std::min(size, how.m - how.n);
  for (size_t r = 0; r < rows; ++r) {
    const auto score = [&](size_t j) {
      const size_t at = (first + j) * kScanRows + r;
      const T pivot = how.factor[(first + j) * (how.columns + 1)];
      const T share = tile.values[at] / pivot;
      return tile.keep[at] ? share * share : T(-1);
    };
    // Dropped: fewer than `drop_count` scores are lower, or equal and earlier.
    uint64_t kept = 0;
    for (size_t j = 0; j < size; ++j) {
      const T own = score(j);
      size_t before = 0;
      for (size_t k = 0; k < size; ++k) {
        const T other = score(k);
        before += other < own || (other == own && k < j);
      }
      kept |= uint64_t(before >= drop_count && own >= 0) << j;
    }
    for (size_t j = 0; j < size; ++j) {
      tile.keep[(first + j) * kScanRows + r] = (kept >> j) & 1;
    }
  }
}

/// Subtracts the errors of column `j` from the columns after it.
template <class T>
void Compensate(const ScannedColumns<T>& how, size_t j, ScanTile<T>& tile) {
  const hn::CappedTag<T, 16> d;
  const size_t lanes = hn::Lanes(d);
  const T* factor = how.factor + j * how.columns;
  for (size_t r = 0; r < kScanRows; r += lanes) {
    const auto error = hn::LoadU(d, tile.errors + r);
    for (size_t k = j + 1; k < how.columns; ++k) {
      T* values = tile.values.data() + k * kScanRows + r;
      const auto left =
          hn::NegMulAdd(error, hn::Set(d, factor[k]), hn::LoadU(d, values));
      hn::StoreU(left, d, values);
    }
  }
}

/// Applies the mask to column `j`. Returns whether it drops anything.
template <class T>
bool DropColumn(
    const ScannedColumns<T>& how,
    size_t rows,
    size_t j,
    ScanTile<T>& tile) {
  const T pivot = how.factor[j * (how.columns + 1)];
  T* const values = tile.values.data() + j * kScanRows;
  const uint8_t* const keep = tile.keep.data() + j * kScanRows;
  int kept = 0;
  for (size_t r = 0; r < rows; ++r) {
    // Both are computed: a random branch would cost more.
    const T error = values[r] / pivot;
    tile.errors[r] = keep[r] ? T(0) : error;
    values[r] = keep[r] ? values[r] : T(0);
    kept += keep[r];
  }
  return kept < static_cast<int>(rows);
}

template <class T>
void ScanRows(
    const ScannedColumns<T>& how,
    size_t rows,
    T* weight,
    uint8_t* keep,
    T* errors,
    ScanTile<T>& tile) {
  for (size_t r = 0; r < rows; ++r) {
    for (size_t j = 0; j < how.columns; ++j) {
      tile.values[j * kScanRows + r] = weight[r * how.stride + j];
      tile.keep[j * kScanRows + r] = keep[r * how.stride + j];
    }
  }
  for (size_t j = 0; j < how.columns; ++j) {
    if (how.m != 0 && j % how.m == 0) {
      ChooseGroup(how, rows, j, tile);
    }
    const bool any = DropColumn(how, rows, j, tile);
    for (size_t r = 0; r < rows; ++r) {
      errors[r * how.errors_stride + j] = tile.errors[r];
    }
    if (any) {
      Compensate(how, j, tile);
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    for (size_t j = 0; j < how.columns; ++j) {
      weight[r * how.stride + j] = tile.values[j * kScanRows + r];
      keep[r * how.stride + j] = tile.keep[j * kScanRows + r];
    }
  }
}

template <class T>
void ScanColumns(
    const ScannedColumns<T>& how,
    size_t rows,
    T* weight,
    uint8_t* keep,
    T* errors) {
  ScanTile<T> tile(how.columns);
  for (size_t r = 0; r < rows; r += kScanRows) {
    const size_t part = std::min(kScanRows, rows - r);
    if (part < kScanRows) {
      std::fill(tile.errors, tile.errors + kScanRows, T(0));
    }
    ScanRows(
        how,
        part,
        weight + r * how.stride,
        keep + r * how.stride,
        errors + r * how.errors_stride,
        tile);
  }
}

void ScanFloats(
    const ScannedColumns<float>& how,
    size_t rows,
    float* weight,
    uint8_t* keep,
    float* errors) {
  ScanColumns(how, rows, weight, keep, errors);
}

void ScanDoubles(
    const ScannedColumns<double>& how,
    size_t rows,
    double* weight,
    uint8_t* keep,
    double* errors) {
  ScanColumns(how, rows, weight, keep, errors);
}

} // namespace coppice::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace coppice::kernels {

HWY_EXPORT(ScanFloats);
HWY_EXPORT(ScanDoubles);

template <>
void scan_columns(
    const ScannedColumns<float>& how,
    size_t rows,
    float* weight,
    uint8_t* keep,
    float* errors) {
  HWY_DYNAMIC_DISPATCH(ScanFloats)(how, rows, weight, keep, errors);
}

template <>
void scan_columns(
    const ScannedColumns<double>& how,
    size_t rows,
    double* weight,
    uint8_t* keep,
    double* errors) {
  HWY_DYNAMIC_DISPATCH(ScanDoubles)(how, rows, weight, keep, errors);
}

} // namespace coppice::kernels
#endif // HWY_ONCE
