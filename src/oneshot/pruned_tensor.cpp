#include "oneshot/pruned_tensor.h"

#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "coppice/model/torch_tensors.h"
#include "oneshot/pruning_masks.h"

namespace coppice::oneshot {
namespace {

constexpr int64_t kPruneGrain = int64_t(1) << 16;

/// `Bits` is the unsigned integer as wide as the elements. A float is zero if
/// all bits but the sign are 0. No branches, and counters as wide as the
/// elements, so that compilers vectorise it.
template <class Bits>
ZeroCounts
keep_few(const Bits* from, const uint8_t* keep, int count, Bits* to) {
  Bits before = 0;
  Bits after = 0;
  for (int i = 0; i < count; ++i) {
    const Bits value = from[i];
    const Bits kept = value & static_cast<Bits>(-static_cast<Bits>(keep[i]));
    before += static_cast<Bits>(value << 1) == 0;
    after += static_cast<Bits>(kept << 1) == 0;
    to[i] = kept;
  }
  return {static_cast<int64_t>(before), static_cast<int64_t>(after)};
}

template <class Bits>
ZeroCounts
keep_range(const Bits* from, const uint8_t* keep, int64_t count, Bits* to) {
  constexpr int64_t kFew = 1 << 14; // A 16-bit counter cannot overflow.
  ZeroCounts zeros;
  for (int64_t i = 0; i < count; i += kFew) {
    const auto few = keep_few(
        from + i,
        keep + i,
        static_cast<int>(std::min(kFew, count - i)),
        to + i);
    zeros.before += few.before;
    zeros.after += few.after;
  }
  return zeros;
}

template <class Bits>
ZeroCounts keep_all_ranges(
    const void* from,
    const uint8_t* keep,
    int64_t count,
    void* to) {
  std::atomic<int64_t> before{0};
  std::atomic<int64_t> after{0};
  at::parallel_for(0, count, kPruneGrain, [&](int64_t begin, int64_t end) {
    const auto zeros = keep_range(
        static_cast<const Bits*>(from) + begin,
        keep + begin,
        end - begin,
        static_cast<Bits*>(to) + begin);
    before += zeros.before;
    after += zeros.after;
  });
  return {before, after};
}

/// Writes what `mask` keeps of `part`, both contiguous, to `to`.
ZeroCounts
keep_part(const torch::Tensor& part, const torch::Tensor& mask, void* to) {
  const auto* keep = reinterpret_cast<const uint8_t*>(mask.data_ptr<bool>());
  switch (part.element_size()) {
    case 2:
      return keep_all_ranges<uint16_t>(part.data_ptr(), keep, part.numel(), to);
    case 4:
      return keep_all_ranges<uint32_t>(part.data_ptr(), keep, part.numel(), to);
    default:
      return keep_all_ranges<uint64_t>(part.data_ptr(), keep, part.numel(), to);
  }
}

/// Zeros of a weight that the model multiplies by a mask of its own.
ZeroCounts masked_zeros(
    const torch::Tensor& effective,
    const torch::Tensor& keep) {
  const auto before = effective.eq(0);
  return {
      before.sum().item<int64_t>(),
      before.logical_or(keep.logical_not()).sum().item<int64_t>()};
}

/// The bytes of `range`, with `values` at the tensor's elements.
std::vector<std::byte> spread(
    const StoredTensor& tensor,
    const torch::Tensor& values,
    ByteRange range) {
  std::vector<std::byte> bytes(
      tensor.data, tensor.data + (range.end - range.begin));
  torch::from_blob(bytes.data(), tensor.shape, tensor.strides, values.options())
      .copy_(values.reshape(tensor.shape));
  return bytes;
}

} // namespace

ZeroCounts write_pruned(
    const StoredTensor& tensor,
    const TensorPlan& plan,
    int64_t rows_multiple,
    const PartMask& mask,
    const ByteSink& sink) {
  const auto matrix = matrix_of(tensor);
  torch::Tensor effective;
  if (!plan.masks.empty()) {
    effective = effective_weight(tensor, plan.masks).reshape(matrix.sizes());
  }
  const bool in_order = tensor.is_contiguous();
  // A strided tensor is written when all of its rows are known.
  torch::Tensor whole;
  if (!in_order) {
    whole = torch::empty(matrix.sizes(), matrix.options());
  }
  ZeroCounts zeros;
  torch::Tensor buffer;
  for_each_part(matrix, rows_multiple, [&](Rows rows) {
    const auto part = matrix.slice(0, rows.begin, rows.end);
    if (in_order && (!buffer.defined() || buffer.numel() < part.numel())) {
      buffer = torch::empty({part.numel()}, matrix.options());
    }
    const auto to = in_order ? buffer : whole.slice(0, rows.begin, rows.end);
    const auto kept = mask(rows);
    auto counts = keep_part(part, kept, to.data_ptr());
    if (effective.defined()) {
      counts = masked_zeros(effective.slice(0, rows.begin, rows.end), kept);
    }
    zeros.before += counts.before;
    zeros.after += counts.after;
    if (in_order) {
      sink(to.data_ptr(), part.nbytes());
    }
  });
  if (!in_order) {
    const auto bytes = spread(tensor, whole, plan.place.range);
    sink(bytes.data(), bytes.size());
  }
  return zeros;
}

} // namespace coppice::oneshot
