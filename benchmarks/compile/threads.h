#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace coppice::bench {

/// Restarts the program with OpenMP threads that sleep when idle: spinning ones
/// keep the cores from OpenBLAS, whose threads are others.
inline void let_idle_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
    setenv("OMP_WAIT_POLICY", "passive", 1);
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
