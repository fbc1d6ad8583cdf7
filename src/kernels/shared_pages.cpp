#include "kernels/shared_pages.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <new>

#include <sys/mman.h>

namespace coppice::kernels {
namespace {

constexpr size_t kPage = SharedPages::kPageBytes;

size_t whole_pages(size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

size_t units_of(size_t bytes) {
  return (bytes + SharedPages::kUnit - 1) / SharedPages::kUnit;
}

} // namespace

void* map_huge(size_t bytes) {
  if (bytes > std::numeric_limits<size_t>::max() - 2 * kPage) {
    throw std::bad_alloc();
  }
  const size_t size = whole_pages(bytes);
  // mmap aligns to small pages only: one huge page more has an aligned part.
  void* const given = mmap(
      nullptr,
      size + kPage,
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS,
      -1,
      0);
  if (given == MAP_FAILED) {
    throw std::bad_alloc();
  }
  auto* const begin = static_cast<std::byte*>(given);
  const size_t before =
      (kPage - reinterpret_cast<uintptr_t>(given) % kPage) % kPage;
  std::byte* const memory = begin + before;
  if (before != 0) {
    (void)munmap(begin, before);
  }
  (void)munmap(memory + size, kPage - before);
  prefer_huge(memory, size);
  return memory;
}

void prefer_huge(void* memory, size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
  const auto begin = whole_pages(reinterpret_cast<uintptr_t>(memory));
  const auto end =
      (reinterpret_cast<uintptr_t>(memory) + bytes) / kPage * kPage;
  if (begin < end) {
    // Advice only: if refused, small pages serve.
    (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  }
#else
  (void)memory;
  (void)bytes;
#endif
}

void unmap_huge(void* memory, size_t bytes) noexcept {
  (void)munmap(memory, whole_pages(bytes));
}

SharedPages::~SharedPages() {
  for (const auto& page : pages_) {
    unmap_huge(page.memory, kPage);
  }
}

/// The first unit of a free run of `units`; kUnits if there is none.
size_t SharedPages::free_run(Page& page, size_t units) {
  if (units > page.longest_free) {
    return kUnits;
  }
  size_t length = 0;
  for (size_t unit = 0; unit < kUnits; ++unit) {
    length = page.used[unit] ? 0 : length + 1;
    if (length == units) {
      return unit + 1 - units;
    }
  }
  page.longest_free = units - 1;
  return kUnits;
}

void* SharedPages::allocate(size_t bytes) {
  const size_t units = units_of(bytes);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto take = [&](Page& page, size_t first) {
    for (size_t unit = first; unit < first + units; ++unit) {
      page.used.set(unit);
    }
    return page.memory + first * kUnit;
  };
  for (auto& page : pages_) {
    const size_t first = free_run(page, units);
    if (first < kUnits) {
      return take(page, first);
    }
  }
  if (pages_.size() == pages_.capacity()) {
    pages_.reserve(2 * pages_.size() + 1);
  }
  pages_.push_back({static_cast<std::byte*>(map_huge(kPage)), {}, kUnits});
  return take(pages_.back(), 0);
}

void SharedPages::unmap(Page& page) noexcept {
  unmap_huge(page.memory, kPage);
  page = pages_.back();
  pages_.pop_back();
}

void SharedPages::free(void* memory, size_t bytes) noexcept {
  const auto* at = static_cast<std::byte*>(memory);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto page =
      std::find_if(pages_.begin(), pages_.end(), [&](const Page& candidate) {
        return at >= candidate.memory && at < candidate.memory + kPage;
      });
  const size_t first = static_cast<size_t>(at - page->memory) / kUnit;
  for (size_t unit = first; unit < first + units_of(bytes); ++unit) {
    page->used.reset(unit);
  }
  page->longest_free = kUnits;
  const auto is_empty = [](const Page& each) { return each.used.none(); };
  if (is_empty(*page) &&
      std::count_if(pages_.begin(), pages_.end(), is_empty) > 1) {
    unmap(*page);
  }
}

size_t SharedPages::pages() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return pages_.size();
}

} // namespace coppice::kernels
