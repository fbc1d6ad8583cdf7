#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace coppice::masks::cpu {

/// Masks of before, for functions that a caller runs again and again; both may
/// be undefined.
struct Earlier {
  /// One that nobody needs: the new mask takes its memory if that is enough.
  torch::Tensor room;
  /// The one in force: returned itself where the new mask would equal it, if
  /// that can be seen without writing a new one.
  torch::Tensor present;
};

/// A mask whose elements are not written yet, in the memory of `room` if that
/// is enough.
torch::Tensor empty_mask(
    torch::IntArrayRef shape,
    const torch::Tensor& room = {});

/// The bytes of a mask: 1 keeps.
uint8_t* bytes_of(const torch::Tensor& mask);

/// A new mask that comes piece by piece. Each is compared with the mask in
/// force while both lie in the cache, and written only if they differ, as at
/// every step but the first of a pattern that stays: writing a mask takes a
/// third of the time, reading a written one again another.
///
/// Pieces are `length` elements long, the last may be shorter; different
/// threads may work on different ones.
class RenewedMask {
 public:
  RenewedMask(torch::IntArrayRef shape, const Earlier& earlier, int64_t length);

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
  /// `piece` of the mask in force; null if there is none.
  const uint8_t* present(int64_t piece) const {
    return present_ ? present_ + begin(piece) : nullptr;
  }

  /// Sets `piece` to `fresh`.
  void set(int64_t piece, const uint8_t* fresh);

  /// `piece`, which was set before, to be changed.
  uint8_t* edit(int64_t piece);

  /// The whole mask, once all pieces are set: the one in force itself if none
  /// differs.
  torch::Tensor finish();

 private:
  torch::Tensor in_force_;
  torch::Tensor mask_;
  const uint8_t* present_ = nullptr;
  uint8_t* fresh_ = nullptr;
  int64_t length_;
  std::vector<char> differs_;
};

} // namespace coppice::masks::cpu
