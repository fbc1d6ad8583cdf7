#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <vector>

#include <time.h>
#include <unistd.h>

#include "kernels/buffer.h"
#include "kernels/dense_contenders.h"

namespace coppice::bench {

/// Restarts the program with that many threads: the libraries read their number
/// when they are loaded.
inline void use_threads(const char* threads, char** argv) {
  if (std::getenv("COPPICE_BENCH_RESTARTED") == nullptr) {
    setenv("COPPICE_BENCH_RESTARTED", "1", 1);
    setenv("OMP_NUM_THREADS", threads, 1);
    setenv("OPENBLAS_NUM_THREADS", threads, 1);
    execv("/proc/self/exe", argv);
  }
}

/// Reads three times the third-level cache.
inline void empty_caches() {
  static const kernels::Buffer<float> much(size_t(24) << 20, 1.0f);
  static volatile float sink;
  float sums[16] = {};
  for (size_t i = 0; i < much.size(); i += 16) {
    for (size_t j = 0; j < 16; ++j) {
      sums[j] += much[i + j];
    }
  }
  sink = sums[3];
  (void)sink;
}

/// What a measurement reads.
enum class Clock {
  /// This thread's own processor time: on a busy machine the other clock also
  /// runs while others have the processor.
  Thread = CLOCK_THREAD_CPUTIME_ID,
  /// For work of several threads.
  Wall = CLOCK_MONOTONIC,
};

inline double now(Clock clock) {
  timespec time;
  clock_gettime(static_cast<clockid_t>(clock), &time);
  return static_cast<double>(time.tv_sec) +
      1e-9 * static_cast<double>(time.tv_nsec);
}

inline double seconds(Clock clock, const std::function<void()>& work) {
  const double start = now(clock);
  work();
  return now(clock) - start;
}

inline double median(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// How to measure.
struct Effort {
  size_t turns = 15; ///< At most.
  double budget = 2; ///< Seconds; at least three turns are taken.
  bool cold = false; ///< Empty the caches before every product.
};

/// The time of each contender, who take turns; the median.
inline std::vector<double> measure(
    const std::vector<Contender>& contenders,
    const Effort& effort) {
  // Who takes that long fills the caches alone, and is not run for nothing.
  constexpr double kLong = 0.1;
  std::vector<std::vector<double>> times(contenders.size());
  std::vector<bool> once;
  for (const auto& contender : contenders) {
    const bool takes_long = seconds(Clock::Thread, contender.run) > kLong;
    once.push_back(effort.cold || takes_long);
  }
  const double start = now(Clock::Wall);
  for (size_t turn = 0; turn < effort.turns; ++turn) {
    if (turn >= 3 && now(Clock::Wall) - start > effort.budget) {
      break;
    }
    for (size_t i = 0; i < contenders.size(); ++i) {
      // Whoever ran before left its own weight in the caches.
      if (effort.cold) {
        empty_caches();
      } else if (!once[i]) {
        contenders[i].run();
      }
      std::vector<double> few;
      for (size_t n = 0; n < (once[i] ? 1 : 3); ++n) {
        few.push_back(seconds(Clock::Thread, contenders[i].run));
      }
      times[i].push_back(median(few));
    }
  }
  std::vector<double> results;
  for (auto& of_one : times) {
    results.push_back(median(of_one));
  }
  return results;
}

} // namespace coppice::bench
