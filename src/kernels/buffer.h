#pragma once

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace coppice::kernels {

/// Bytes aligned to a cache line; on huge pages, where the system lends them,
/// from 4 KiB on, which those of less than 1 MiB share: a weight that is
/// streamed through once a product is read faster that way. Throws
/// std::bad_alloc.
void* allocate_pages(size_t bytes);

/// `bytes` as they were asked for.
void free_pages(void* memory, size_t bytes) noexcept;

/// Allocates through `allocate_pages`. Numbers that are given no value have
/// none: the threads that fill them need not wait for one that writes zeros.
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

/// A vector whose first element begins a cache line. `Buffer<float>(count)` and
/// `resize(count)` leave new numbers unwritten.
template <class T>
using Buffer = std::vector<T, PageAllocator<T>>;

} // namespace coppice::kernels
