#include "compile/machine.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <vector>

namespace coppice::compiling {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  const std::string key = "model name";
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.rfind(key, 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

int64_t last_cache_bytes() {
#ifdef _SC_LEVEL3_CACHE_SIZE
  for (const int level : {_SC_LEVEL4_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE}) {
    if (const int64_t bytes = sysconf(level); bytes > 0) {
      return bytes;
    }
  }
#endif
  return int64_t(32) << 20;
}

int64_t passing_bytes(int64_t others) {
  constexpr int64_t kPage = 4096;
  const int64_t most = 2 * last_cache_bytes();
  int64_t size = 16 * kPage;
  if (others < size) {
    return 0;
  }
  while (size < others && size < most) {
    size *= 2;
  }
  return std::min(size, most);
}

void evict_from_caches(int64_t bytes) {
  static const std::vector<char> other(2 * last_cache_bytes(), 1);
  static std::atomic<int64_t> sum{0}; // Prevents dead-code elimination.
  const auto size = std::min(static_cast<int64_t>(other.size()), bytes);
  at::parallel_for(0, size / 64, 1, [](int64_t begin, int64_t end) {
    int64_t here = 0;
    for (int64_t line = begin; line < end; ++line) {
      here += other[64 * line];
    }
    sum += here;
  });
}

} // namespace coppice::compiling
