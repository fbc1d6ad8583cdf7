#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace coppice::bench {

/// Restarts the program with OpenMP threads that soon go to sleep, as the
/// program `coppice` does.
inline void limit_idle_spinning(char** argv) {
  if (!std::getenv("OMP_WAIT_POLICY") && !std::getenv("GOMP_SPINCOUNT")) {
    setenv("GOMP_SPINCOUNT", "8000", 1);
    execv("/proc/self/exe", argv);
  }
}

/// Makes so many threads do LibTorch's work and OpenBLAS's.
inline void use_threads(int threads) {
  at::set_num_threads(threads);
  using SetThreads = void (*)(int);
  if (auto* set = reinterpret_cast<SetThreads>(
          dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set(threads);
  }
}

} // namespace coppice::bench
