// Serialization of packed weights. Loading treats the state as untrusted.

#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <algorithm>
#include <limits>

#include "coppice/sparse/packed_weight.h"
#include "kernels/bfloat16.h"
#include "kernels/bitmask.h"

namespace coppice {
namespace {

constexpr int64_t kVersion = 2;

std::byte* bytes_of(const torch::Tensor& tensor) {
  return static_cast<std::byte*>(tensor.data_ptr());
}

int64_t mask_bytes(int64_t elements) {
  return elements / 8 + (elements % 8 != 0);
}

/// The number of elements of a shape.
///
/// Errors: c10::ValueError if it is negative or overflows.
int64_t checked_elements(const std::vector<int64_t>& shape) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / 16;
  // Sizes of 0 count as 1, so that they do not hide an overflow.
  int64_t elements = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    TORCH_CHECK_VALUE(
        size >= 0 && (size == 0 || elements <= kMax / size),
        "PackedWeight: the saved shape ",
        torch::IntArrayRef(shape),
        " is invalid; the file is damaged");
    empty |= size == 0;
    elements *= size == 0 ? 1 : size;
  }
  return empty ? 0 : elements;
}

/// Errors: c10::ValueError unless `tensor` is dense, of that dtype and length.
void check_tensor(
    const char* what,
    const torch::Tensor& tensor,
    torch::ScalarType dtype,
    int64_t length) {
  TORCH_CHECK_VALUE(
      tensor.defined() && tensor.layout() == torch::kStrided &&
          tensor.device().is_cpu() && tensor.scalar_type() == dtype &&
          tensor.dim() == 1 && tensor.size(0) == length &&
          tensor.is_contiguous(),
      "PackedWeight: the saved ",
      what,
      " are not ",
      length,
      " elements of ",
      dtype,
      "; the file is damaged");
}

/// Converts `dense`, whose values are exact in bfloat16; NaN payloads are kept.
torch::Tensor as_bfloat16(const torch::Tensor& dense) {
  auto halves = at::empty(dense.sizes(), torch::kBFloat16);
  const auto* from = dense.data_ptr<float>();
  auto* to = static_cast<kernels::BFloat16*>(halves.data_ptr());
  std::transform(from, from + dense.numel(), to, kernels::to_bfloat16);
  return halves;
}

} // namespace

PackedWeight::State PackedWeight::state() const {
  const auto dense =
      dtype() == torch::kBFloat16 ? as_bfloat16(to_dense()) : to_dense();
  const size_t width = dense.element_size();
  const auto elements = static_cast<size_t>(dense.numel());
  const auto* values = bytes_of(dense);
  auto bits = at::empty({mask_bytes(dense.numel())}, torch::kByte);
  kernels::nonzero_bits(values, elements, width, bits.data_ptr<uint8_t>());
  // `compress_nonzeros` may write all elements.
  auto scratch = at::empty({dense.numel()}, dense.options());
  const size_t kept =
      kernels::compress_nonzeros(values, elements, width, bytes_of(scratch));
  // A copy: a narrowed tensor would be saved with its whole storage.
  auto nonzeros = scratch.narrow(0, 0, static_cast<int64_t>(kept)).clone();
  std::vector<int64_t> numbers{batch()};
  numbers.insert(numbers.end(), shape_.begin(), shape_.end());
  return {kVersion, to_string(format()), std::move(numbers), {bits, nonzeros}};
}

c10::intrusive_ptr<PackedWeight> PackedWeight::from_state(const State& state) {
  const auto& [version, name, numbers, tensors] = state;
  TORCH_CHECK_VALUE(
      version == kVersion,
      "PackedWeight: the file was packed by another version of Coppice (state ",
      version,
      ", this one reads ",
      kVersion,
      "); pack the weight again with this one");
  const auto format = parse_packed_format(name);
  TORCH_CHECK_VALUE(
      numbers.size() >= 3 && numbers.size() <= 10 && tensors.size() == 2,
      "PackedWeight: the saved state has ",
      numbers.size(),
      " numbers and ",
      tensors.size(),
      " tensors; the file is damaged");
  const std::vector<int64_t> shape(numbers.begin() + 1, numbers.end());
  const int64_t elements = checked_elements(shape);
  check_tensor("bits", tensors[0], torch::kByte, mask_bytes(elements));
  const auto* bits = tensors[0].data_ptr<uint8_t>();
  const size_t stored =
      kernels::count_bits(bits, static_cast<size_t>(elements));
  const bool is_bfloat16 =
      tensors[1].defined() && tensors[1].scalar_type() == torch::kBFloat16;
  const auto dtype = is_bfloat16 ? torch::kBFloat16 : torch::kFloat;
  check_tensor("values", tensors[1], dtype, static_cast<int64_t>(stored));
  auto dense = at::empty(shape, dtype);
  kernels::expand_nonzeros(
      bits,
      bytes_of(tensors[1]),
      static_cast<size_t>(elements),
      dense.element_size(),
      bytes_of(dense));
  return pack(
      dense.to(torch::kFloat),
      PackedWeightOptions(format).batch(numbers[0]).dtype(dtype));
}

} // namespace coppice
