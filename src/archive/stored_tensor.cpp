#include "coppice/archive/stored_tensor.h"

#include <algorithm>
#include <array>

namespace coppice {
namespace {

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  int64_t bits;
};

constexpr std::array kDtypes = {
    DtypeRow{Dtype::BOOL, "BOOL", 8},
    DtypeRow{Dtype::F4, "F4", 4},
    DtypeRow{Dtype::F6_E2M3, "F6_E2M3", 6},
    DtypeRow{Dtype::F6_E3M2, "F6_E3M2", 6},
    DtypeRow{Dtype::U8, "U8", 8},
    DtypeRow{Dtype::I8, "I8", 8},
    DtypeRow{Dtype::F8_E5M2, "F8_E5M2", 8},
    DtypeRow{Dtype::F8_E4M3, "F8_E4M3", 8},
    DtypeRow{Dtype::F8_E8M0, "F8_E8M0", 8},
    DtypeRow{Dtype::F8_E4M3FNUZ, "F8_E4M3FNUZ", 8},
    DtypeRow{Dtype::F8_E5M2FNUZ, "F8_E5M2FNUZ", 8},
    DtypeRow{Dtype::I16, "I16", 16},
    DtypeRow{Dtype::U16, "U16", 16},
    DtypeRow{Dtype::F16, "F16", 16},
    DtypeRow{Dtype::BF16, "BF16", 16},
    DtypeRow{Dtype::I32, "I32", 32},
    DtypeRow{Dtype::U32, "U32", 32},
    DtypeRow{Dtype::F32, "F32", 32},
    DtypeRow{Dtype::C64, "C64", 64},
    DtypeRow{Dtype::F64, "F64", 64},
    DtypeRow{Dtype::I64, "I64", 64},
    DtypeRow{Dtype::U64, "U64", 64},
    DtypeRow{Dtype::C128, "C128", 128},
    DtypeRow{Dtype::QINT8, "QINT8", 8},
    DtypeRow{Dtype::QUINT8, "QUINT8", 8},
    DtypeRow{Dtype::QINT32, "QINT32", 32},
};

const DtypeRow& row_of(Dtype dtype) {
  return *std::find_if(
      kDtypes.begin(), kDtypes.end(), [dtype](const DtypeRow& row) {
        return row.dtype == dtype;
      });
}

} // namespace

std::string_view dtype_name(Dtype dtype) {
  return row_of(dtype).name;
}

std::optional<Dtype> dtype_of_name(std::string_view name) {
  for (const auto& row : kDtypes) {
    if (row.name == name) {
      return row.dtype;
    }
  }
  return std::nullopt;
}

int64_t dtype_bits(Dtype dtype) {
  return row_of(dtype).bits;
}

int64_t StoredTensor::numel() const {
  int64_t count = 1;
  for (const int64_t size : shape) {
    count *= size;
  }
  return count;
}

uint64_t StoredTensor::nbytes() const {
  return (static_cast<uint64_t>(numel()) * dtype_bits(dtype) + 7) / 8;
}

bool StoredTensor::is_contiguous() const {
  return numel() == 0 || strides == contiguous_strides(shape);
}

std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * std::max<int64_t>(1, shape[i]);
  }
  return strides;
}

} // namespace coppice
