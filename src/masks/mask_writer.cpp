#include "masks/mask_writer.h"

#include <ATen/Parallel.h>
#include <sys/mman.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cstring>

#include "masks/ranges.h"

namespace coppice::masks::cpu {
namespace {

/// Asks for huge pages: a new mask is written once from end to end, and page
/// faults of small pages take longer than computing it.
void advise_huge_pages([[maybe_unused]] const torch::Tensor& tensor) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t kPage = 4096;
  constexpr size_t kWorthwhile = size_t(4) << 20;
  const auto begin = reinterpret_cast<uintptr_t>(tensor.data_ptr());
  const auto first_page = (begin + kPage - 1) / kPage * kPage;
  if (tensor.nbytes() >= kWorthwhile) {
    // Advice only: a failure does no harm.
    madvise(
        reinterpret_cast<void*>(first_page),
        begin + tensor.nbytes() - first_page,
        MADV_HUGEPAGE);
  }
#endif
}

} // namespace

torch::Tensor empty_mask(torch::IntArrayRef shape, const MaskedWeight* masked) {
  const auto spare = masked ? masked->spare : torch::Tensor();
  if (spare.defined() && spare.scalar_type() == torch::kBool &&
      spare.is_cpu() && spare.is_contiguous() &&
      spare.numel() >= c10::multiply_integers(shape)) {
    return spare.resize_(shape);
  }
  auto mask = torch::empty(shape, torch::kBool);
  advise_huge_pages(mask);
  return mask;
}

uint8_t* bytes_of(const torch::Tensor& mask) {
  return reinterpret_cast<uint8_t*>(mask.data_ptr<bool>());
}

MaskWriter::MaskWriter(
    torch::Tensor mask,
    const MaskedWeight* masked,
    int64_t length)
    : mask_(std::move(mask)),
      current_(masked ? masked->mask : torch::Tensor()),
      bytes_(bytes_of(mask_)),
      current_bytes_(current_.defined() ? bytes_of(current_) : nullptr),
      length_(length),
      differs_((mask_.numel() + length - 1) / length) {}

void MaskWriter::set(int64_t piece, const uint8_t* bytes) {
  if (current_bytes_ && std::memcmp(bytes, current(piece), size(piece)) == 0) {
    return;
  }
  differs_[piece] = true;
  std::memcpy(bytes_ + begin(piece), bytes, size(piece));
}

uint8_t* MaskWriter::edit(int64_t piece) {
  uint8_t* const own = bytes_ + begin(piece);
  if (!differs_[piece]) {
    differs_[piece] = true;
    std::memcpy(own, current(piece), size(piece));
  }
  return own;
}

torch::Tensor MaskWriter::finish() {
  const auto end = differs_.end();
  if (current_.defined() && std::find(differs_.begin(), end, true) == end) {
    return current_;
  }
  const int64_t grain = std::max<int64_t>(1, kGrain / length_);
  at::parallel_for(0, pieces(), grain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      edit(i);
    }
  });
  return mask_;
}

} // namespace coppice::masks::cpu
