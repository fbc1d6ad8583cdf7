#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "masks/masked_weight.h"

namespace coppice::masks::cpu {

/// An uninitialised mask, in the memory of `masked->spare` if it is large
/// enough.
torch::Tensor empty_mask(
    torch::IntArrayRef shape,
    const MaskedWeight* masked = nullptr);

/// The bytes of a mask: 1 keeps.
uint8_t* bytes_of(const torch::Tensor& mask);

/// Writes a new mask piece by piece. Each piece is compared with the current
/// mask while both are in the cache, and written only if they differ: writing a
/// mask takes a third of the time of a step, reading it again another third,
/// and most steps change little.
///
/// Pieces have `length` elements, the last may be shorter; threads may write
/// different ones.
class MaskWriter {
 public:
  /// Writes to `mask`, from `empty_mask`. The current mask is that of `masked`,
  /// or none if that is null.
  MaskWriter(torch::Tensor mask, const MaskedWeight* masked, int64_t length);

  int64_t pieces() const {
    return static_cast<int64_t>(differs_.size());
  }
  /// Index of the first element of `piece`.
  int64_t begin(int64_t piece) const {
    return piece * length_;
  }
  int64_t size(int64_t piece) const {
    return std::min(length_, mask_.numel() - begin(piece));
  }
  /// `piece` of the current mask; null if there is none.
  const uint8_t* current(int64_t piece) const {
    return current_bytes_ ? current_bytes_ + begin(piece) : nullptr;
  }

  /// Sets `piece` to `bytes`.
  void set(int64_t piece, const uint8_t* bytes);

  /// `piece`, which was set before, for changes in place.
  uint8_t* edit(int64_t piece);

  /// The whole mask, once all pieces are set: the current one if none differs.
  torch::Tensor finish();

 private:
  torch::Tensor mask_;
  torch::Tensor current_;
  uint8_t* bytes_;
  const uint8_t* current_bytes_ = nullptr;
  int64_t length_;
  std::vector<char> differs_; ///< Not bool: threads write adjacent elements.
};

} // namespace coppice::masks::cpu
