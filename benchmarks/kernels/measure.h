#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <vector>

#include <time.h>
#include <unistd.h>

#include "coppice/kernels/buffer.h"
#include "kernels/dense_contenders.h"

namespace coppice::bench {

/// Restarts the program with one thread: the libraries read their number of
/// threads when they are loaded.
inline void use_one_thread(char** argv) {
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
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

/// Of this thread's own processor time: on a busy machine the clock also runs
/// while others have the processor.
inline double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
      1e-9 * static_cast<double>(now.tv_nsec);
}

inline double seconds(const std::function<void()>& work) {
  const double start = thread_seconds();
  work();
  return thread_seconds() - start;
}

inline double median(std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Medians of all contenders, who take turns.
inline std::vector<double>
measure(const std::vector<Contender>& contenders, size_t turns, bool cold) {
  std::vector<std::vector<double>> times(contenders.size());
  for (const auto& contender : contenders) {
    contender.run();
  }
  for (size_t turn = 0; turn < turns; ++turn) {
    for (size_t i = 0; i < contenders.size(); ++i) {
      // Whoever ran before left its own weight in the caches.
      cold ? empty_caches() : contenders[i].run();
      std::vector<double> few;
      for (size_t n = 0; n < (cold ? 1 : 3); ++n) {
        few.push_back(seconds(contenders[i].run));
      }
      times[i].push_back(median(few));
    }
  }
  std::vector<double> medians;
  for (auto& of_one : times) {
    medians.push_back(median(of_one));
  }
  return medians;
}

} // namespace coppice::bench
