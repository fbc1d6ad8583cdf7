#pragma once

#include <bitset>
#include <cstddef>
#include <mutex>
#include <vector>

namespace coppice::kernels {

/// `bytes` at the beginning of a huge page, if the system has one. Fresh from
/// the system: memory that was used before keeps its small pages. Throws
/// std::bad_alloc.
void* map_huge(size_t bytes);

/// `bytes` as passed to `map_huge`.
void unmap_huge(void* memory, size_t bytes) noexcept;

/// Asks for huge pages in memory that was not touched yet. Page faults of small
/// pages would take longer than writing the result.
void prefer_huge(void* memory, size_t bytes) noexcept;

/// Huge pages shared by buffers that are too small for one of their own.
/// Thread-safe. Empty pages go back to the system, except for one, so that a
/// short-lived buffer does not map a page each time.
class SharedPages {
 public:
  static constexpr size_t kPageBytes = size_t(2) << 20;
  /// The alignment of buffers.
  static constexpr size_t kUnit = 1024;

  SharedPages() = default;
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;
  ~SharedPages();

  /// `bytes` from 1 to kPageBytes. Throws std::bad_alloc.
  void* allocate(size_t bytes);

  /// `bytes` as passed to `allocate`.
  void free(void* memory, size_t bytes) noexcept;

  /// The number of pages now.
  size_t pages() const;

 private:
  static constexpr size_t kUnits = kPageBytes / kUnit;

  struct Page {
    std::byte* memory;
    std::bitset<kUnits> used;
    /// An upper bound of the free runs, so that full pages are not searched.
    size_t longest_free;
  };

  static size_t free_run(Page& page, size_t units);
  void unmap(Page& page) noexcept;

  mutable std::mutex mutex_;
  std::vector<Page> pages_;
};

} // namespace coppice::kernels
