#include "coppice/model/torch_tensors.h"

#include <torch/utils.h>

#include <array>
#include <cstring>
#include <utility>

namespace coppice {
namespace {

constexpr std::array<std::pair<Dtype, torch::ScalarType>, 14> kTypes = {{
    {Dtype::BOOL, torch::kBool},
    {Dtype::U8, torch::kByte},
    {Dtype::I8, torch::kChar},
    {Dtype::I16, torch::kShort},
    {Dtype::F16, torch::kHalf},
    {Dtype::BF16, torch::kBFloat16},
    {Dtype::I32, torch::kInt},
    {Dtype::F32, torch::kFloat},
    {Dtype::C64, torch::kComplexFloat},
    {Dtype::F64, torch::kDouble},
    {Dtype::I64, torch::kLong},
    {Dtype::C128, torch::kComplexDouble},
    {Dtype::QINT8, torch::kQInt8},
    {Dtype::QUINT8, torch::kQUInt8},
}};

/// Some safetensors headers, and nested archives, leave no element aligned.
/// Gaps between elements are copied too.
torch::Tensor aligned_copy(
    const StoredTensor& stored,
    const torch::TensorOptions& options) {
  int64_t span = stored.numel() > 0 ? 1 : 0;
  for (size_t i = 0; span > 0 && i < stored.shape.size(); ++i) {
    span += (stored.shape[i] - 1) * stored.strides[i];
  }
  auto copy = torch::empty({span}, options);
  if (span > 0) {
    std::memcpy(copy.data_ptr(), stored.data, copy.nbytes());
  }
  return copy.as_strided(stored.shape, stored.strides);
}

} // namespace

std::optional<torch::ScalarType> scalar_type_of(Dtype dtype) {
  for (const auto& [ours, theirs] : kTypes) {
    if (ours == dtype) {
      return theirs;
    }
  }
  return std::nullopt;
}

std::optional<Dtype> dtype_of(torch::ScalarType type) {
  for (const auto& [ours, theirs] : kTypes) {
    if (theirs == type) {
      return ours;
    }
  }
  return std::nullopt;
}

torch::Tensor as_tensor(const StoredTensor& stored) {
  const auto type = scalar_type_of(stored.dtype);
  TORCH_CHECK_TYPE(
      type && !c10::isQIntType(*type),
      "`",
      stored.name,
      "` has dtype ",
      dtype_name(stored.dtype),
      ", which LibTorch has no plain tensor for");
  const auto options = torch::TensorOptions().dtype(*type);
  if (reinterpret_cast<uintptr_t>(stored.data) % c10::elementSize(*type) != 0) {
    return aligned_copy(stored, options);
  }
  // LibTorch has no read-only tensors.
  void* const data = const_cast<std::byte*>(stored.data);
  return torch::from_blob(
      data,
      stored.shape,
      stored.strides,
      [owner = stored.owner](void*) {},
      options);
}

StoredTensor as_stored(std::string name, const torch::Tensor& tensor) {
  TORCH_CHECK_VALUE(
      tensor.defined() && tensor.layout() == torch::kStrided,
      "`",
      name,
      "`: expected a dense tensor");
  const auto dtype = dtype_of(tensor.scalar_type());
  TORCH_CHECK_TYPE(
      dtype && !tensor.is_quantized(),
      "`",
      name,
      "`: no file holds tensors of type ",
      tensor.scalar_type());
  const auto dense = tensor.detach().cpu().contiguous();
  StoredTensor stored;
  stored.name = std::move(name);
  stored.dtype = *dtype;
  stored.shape = dense.sizes().vec();
  stored.strides = contiguous_strides(stored.shape);
  stored.data = static_cast<const std::byte*>(dense.data_ptr());
  stored.owner = std::make_shared<torch::Tensor>(dense);
  return stored;
}

} // namespace coppice
