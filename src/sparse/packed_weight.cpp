#include "coppice/sparse/packed_weight.h"

#include <c10/util/Exception.h>

#include <cstdio>
#include <utility>

#include "sparse/check.h"
#include "sparse/format_traits.h"
#include "sparse/product.h"

namespace coppice {
namespace {

/// "31.1 KiB"
std::string readable_bytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < std::size(kUnits)) {
    amount /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(
      text,
      sizeof text,
      unit == 0 ? "%.0f %s" : "%.1f %s",
      amount,
      kUnits[unit]);
  return text;
}

} // namespace

c10::intrusive_ptr<PackedWeight> PackedWeight::pack(
    const torch::Tensor& weight,
    const PackedWeightOptions& options) {
  sparse::check_weight("pack", weight);
  const auto matrix = sparse::as_matrix(weight);
  TORCH_CHECK_VALUE(
      matrix.size(1) <= sparse::traits_of(options.format()).max_columns,
      "pack: a weight of ",
      matrix.size(1),
      " columns is too wide for the format `",
      to_string(options.format()),
      "`; `pattern_panels` and `bitmask_rows` take any width");
  TORCH_CHECK_VALUE(
      options.batch() > 0,
      "pack: the batch must be positive but is ",
      options.batch());
  TORCH_CHECK_TYPE(
      options.dtype() == torch::kFloat || options.dtype() == torch::kBFloat16,
      "pack: weights are stored as float32 or bfloat16 but the dtype is ",
      options.dtype());
  auto product = sparse::make_product(
      options,
      matrix.data_ptr<float>(),
      static_cast<size_t>(matrix.size(0)),
      static_cast<size_t>(matrix.size(1)));
  return c10::make_intrusive<PackedWeight>(
      options, weight.sizes().vec(), std::move(product));
}

PackedWeight::PackedWeight(
    const PackedWeightOptions& options,
    std::vector<int64_t> shape,
    std::unique_ptr<sparse::Product> product)
    : options_(options),
      shape_(std::move(shape)),
      product_(std::move(product)) {}

PackedWeight::~PackedWeight() = default;

torch::Tensor PackedWeight::to_dense() const {
  auto dense = at::empty(shape_, torch::kFloat);
  product_->to_dense(dense.data_ptr<float>());
  return dense;
}

int64_t PackedWeight::rows() const {
  return static_cast<int64_t>(product_->rows());
}

int64_t PackedWeight::cols() const {
  return static_cast<int64_t>(product_->cols());
}

int64_t PackedWeight::nbytes() const {
  return static_cast<int64_t>(product_->nbytes());
}

int64_t PackedWeight::stored() const {
  return static_cast<int64_t>(product_->stored());
}

c10::intrusive_ptr<PackedWeight> PackedWeight::copy() const {
  return c10::make_intrusive<PackedWeight>(options_, shape_, product_->copy());
}

std::ostream& operator<<(std::ostream& stream, const PackedWeight& weight) {
  stream << "PackedWeight(";
  const auto& shape = weight.shape();
  for (size_t i = 0; i < shape.size(); ++i) {
    stream << (i == 0 ? "" : " x ") << shape[i];
  }
  const auto all = static_cast<double>(weight.rows() * weight.cols());
  const double zeros =
      all == 0 ? 0.0 : 1 - static_cast<double>(weight.stored()) / all;
  char percent[32];
  std::snprintf(percent, sizeof percent, "%.1f", 100 * (zeros < 0 ? 0 : zeros));
  const bool is_bfloat16 = weight.dtype() == torch::kBFloat16;
  return stream << ", " << weight.format()
                << (is_bfloat16 ? " as bfloat16" : "") << ", " << percent
                << "% zeros, " << readable_bytes(weight.nbytes()) << ")";
}

} // namespace coppice
