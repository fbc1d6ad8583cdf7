#include "kernels/buffer.h"

#include <cstdlib>
#include <limits>
#include <new>

#include "kernels/shared_pages.h"

namespace coppice::kernels {
namespace {

constexpr size_t kCacheLine = 64;
/// Smaller buffers touch few small pages anyway.
constexpr size_t kMinShared = size_t(4) << 10;
/// From here on a buffer has huge pages of its own: at most half of the last
/// one is unused.
constexpr size_t kMinOwn = SharedPages::kPageBytes / 2;

/// Where a buffer's memory comes from.
enum class Source { Heap, SharedPages, OwnPages };

Source source_of(size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  // On the heap, so that the sanitizer sees reads past the end.
  (void)bytes;
  return Source::Heap;
#else
  if (bytes < kMinShared) {
    return Source::Heap;
  }
  return bytes < kMinOwn ? Source::SharedPages : Source::OwnPages;
#endif
}

/// Never destroyed: buffers of other static objects may be freed later.
SharedPages& shared_pages() {
  static auto* const pages = new SharedPages();
  return *pages;
}

void* allocate_lines(size_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max() - kCacheLine) {
    throw std::bad_alloc();
  }
  const size_t size = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  void* memory = std::aligned_alloc(kCacheLine, size == 0 ? kCacheLine : size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

} // namespace

void* allocate_pages(size_t bytes) {
  switch (source_of(bytes)) {
    case Source::SharedPages:
      return shared_pages().allocate(bytes);
    case Source::OwnPages:
      return map_huge(bytes);
    default:
      return allocate_lines(bytes);
  }
}

void free_pages(void* memory, size_t bytes) noexcept {
  switch (source_of(bytes)) {
    case Source::SharedPages:
      return shared_pages().free(memory, bytes);
    case Source::OwnPages:
      return unmap_huge(memory, bytes);
    default:
      std::free(memory);
  }
}

} // namespace coppice::kernels
