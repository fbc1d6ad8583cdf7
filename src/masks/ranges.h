#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>

namespace coppice::masks::cpu {

/// The fewest elements that are worth a thread.
constexpr int64_t kGrain = 32768;

/// Elements that stay in a core's private cache between two accesses.
constexpr int64_t kPiece = 16384;

/// [0, count) in one range per thread; all but the last have a multiple of 64
/// elements.
class Ranges {
 public:
  explicit Ranges(int64_t count) : count_(count) {
    const int64_t threads =
        at::in_parallel_region() ? 1 : at::get_num_threads();
    const int64_t useful = (count + kGrain - 1) / kGrain;
    const int64_t wanted = std::max<int64_t>(1, std::min(threads, useful));
    length_ = std::max<int64_t>(64, (count / wanted + 63) / 64 * 64);
    size_ = std::max<int64_t>(1, (count + length_ - 1) / length_);
  }

  int64_t size() const {
    return size_;
  }
  int64_t begin(int64_t i) const {
    return std::min(i * length_, count_);
  }

  /// Calls `body(i, begin, end)` for every range, in parallel.
  template <class Body>
  void for_each(Body body) const {
    at::parallel_for(0, size_, 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        body(i, begin(i), begin(i + 1));
      }
    });
  }

 private:
  int64_t count_;
  int64_t length_;
  int64_t size_;
};

} // namespace coppice::masks::cpu
