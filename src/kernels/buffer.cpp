#include "coppice/kernels/buffer.h"

#include <cstdlib>
#include <limits>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace coppice::kernels {

void* allocate_pages(size_t bytes) {
  constexpr size_t kHugePage = size_t(2) << 20;
  constexpr size_t kCacheLine = 64;
  // At most half of the last page is lost.
  const bool is_large = bytes >= kHugePage / 2;
  const size_t alignment = is_large ? kHugePage : kCacheLine;
  if (bytes > std::numeric_limits<size_t>::max() - alignment) {
    throw std::bad_alloc();
  }
  const size_t size = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, size == 0 ? alignment : size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
#ifdef MADV_HUGEPAGE
  if (is_large) {
    // Only a wish: where it is refused, small pages serve.
    (void)madvise(memory, size, MADV_HUGEPAGE);
  }
#endif
  return memory;
}

void free_pages(void* memory) noexcept {
  std::free(memory);
}

} // namespace coppice::kernels
