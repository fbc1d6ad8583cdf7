#include "masks/renewed_mask.h"

#include <ATen/Parallel.h>
#include <sys/mman.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cstring>

#include "masks/ranges.h"

namespace coppice::masks::cpu {
namespace {

/// Asks for huge pages: a new mask is written once from end to end, and the
/// faults of small pages would cost more than computing it.
void advise_huge_pages([[maybe_unused]] const torch::Tensor& tensor) {
#ifdef MADV_HUGEPAGE
  constexpr uintptr_t kPage = 4096;
  constexpr size_t kWorthwhile = size_t(4) << 20;
  const auto begin = reinterpret_cast<uintptr_t>(tensor.data_ptr());
  const auto first_page = (begin + kPage - 1) / kPage * kPage;
  if (tensor.nbytes() >= kWorthwhile) {
    // Advice: where it cannot be followed, small pages do.
    madvise(
        reinterpret_cast<void*>(first_page),
        begin + tensor.nbytes() - first_page,
        MADV_HUGEPAGE);
  }
#endif
}

/// Whether `mask` has its elements where the kernels look for them.
bool is_plain(const torch::Tensor& mask) {
  return mask.defined() && mask.scalar_type() == torch::kBool &&
      mask.device().is_cpu() && mask.is_contiguous();
}

} // namespace

torch::Tensor empty_mask(torch::IntArrayRef shape, const torch::Tensor& room) {
  if (is_plain(room) && room.numel() >= c10::multiply_integers(shape)) {
    return room.resize_(shape);
  }
  auto mask = torch::empty(shape, torch::kBool);
  advise_huge_pages(mask);
  return mask;
}

uint8_t* bytes_of(const torch::Tensor& mask) {
  return reinterpret_cast<uint8_t*>(mask.data_ptr<bool>());
}

RenewedMask::RenewedMask(
    torch::IntArrayRef shape,
    const Earlier& earlier,
    int64_t length)
    : mask_(empty_mask(shape, earlier.room)),
      fresh_(bytes_of(mask_)),
      length_(length),
      differs_((mask_.numel() + length - 1) / length) {
  if (is_plain(earlier.present) && earlier.present.numel() == mask_.numel()) {
    in_force_ = earlier.present;
    present_ = bytes_of(in_force_);
  }
}

void RenewedMask::set(int64_t piece, const uint8_t* fresh) {
  if (present_ && std::memcmp(fresh, present(piece), size(piece)) == 0) {
    return;
  }
  differs_[piece] = true;
  std::memcpy(fresh_ + begin(piece), fresh, size(piece));
}

uint8_t* RenewedMask::edit(int64_t piece) {
  uint8_t* const own = fresh_ + begin(piece);
  if (!differs_[piece]) {
    differs_[piece] = true;
    std::memcpy(own, present(piece), size(piece));
  }
  return own;
}

torch::Tensor RenewedMask::finish() {
  const auto end = differs_.end();
  if (present_ && std::find(differs_.begin(), end, true) == end) {
    return in_force_;
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
