#pragma once

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace coppice::kernels {

/// Memory aligned to a cache line. From 4 KiB on it lies on huge pages, if the
/// system has them; buffers below 1 MiB share such pages. A weight is streamed
/// once per product, and fewer TLB misses make that faster.
///
/// Throws std::bad_alloc.
void* allocate_pages(size_t bytes);

/// `bytes` as passed to `allocate_pages`.
void free_pages(void* memory, size_t bytes) noexcept;

/// Allocates by `allocate_pages`. Leaves trivial elements uninitialized, so
/// that threads fill a buffer without a serial pass of zeros before.
template <class T>
struct PageAllocator {
  using value_type = T;

  PageAllocator() = default;
  template <class Other>
  PageAllocator(const PageAllocator<Other>& /*other*/) {}

  T* allocate(size_t count) {
    return static_cast<T*>(allocate_pages(count * sizeof(T)));
  }
  void deallocate(T* memory, size_t count) noexcept {
    free_pages(memory, count * sizeof(T));
  }

  template <class Item>
  void construct(Item* at) {
    ::new (static_cast<void*>(at)) Item;
  }
  template <class Item, class... Arguments>
  void construct(Item* at, Arguments&&... arguments) {
    ::new (static_cast<void*>(at)) Item(std::forward<Arguments>(arguments)...);
  }
};

template <class T, class Other>
bool operator==(const PageAllocator<T>&, const PageAllocator<Other>&) {
  return true;
}
template <class T, class Other>
bool operator!=(const PageAllocator<T>&, const PageAllocator<Other>&) {
  return false;
}

/// A vector aligned to a cache line. `Buffer<float>(count)` and `resize(count)`
/// leave new elements uninitialized.
template <class T>
using Buffer = std::vector<T, PageAllocator<T>>;

} // namespace coppice::kernels
