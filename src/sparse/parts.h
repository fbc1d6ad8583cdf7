#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace coppice::sparse {

/// The number of threads for work that takes one thread that long. Short work
/// is done before another thread has woken up.
inline size_t threads_for(double nanoseconds) {
  constexpr double kMinPerThread = 8e3; // Nanoseconds.
  if (at::in_parallel_region()) {
    return 1;
  }
  const auto threads = static_cast<size_t>(at::get_num_threads());
  const double worth = nanoseconds / kMinPerThread;
  return worth < threads ? std::max<size_t>(1, worth) : threads;
}

/// Calls `body(part)` for each of `parts`, in parallel.
template <class Body>
void for_each_part(size_t parts, Body body) {
  if (parts == 1) {
    return body(0);
  }
  at::parallel_for(
      0, static_cast<int64_t>(parts), 1, [&](int64_t begin, int64_t end) {
        for (int64_t part = begin; part < end; ++part) {
          body(static_cast<size_t>(part));
        }
      });
}

} // namespace coppice::sparse
