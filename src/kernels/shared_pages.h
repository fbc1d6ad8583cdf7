#pragma once

#include <bitset>
#include <cstddef>
#include <mutex>
#include <vector>

namespace coppice::kernels {

/// `bytes` at the beginning of a huge page, where the system lends one, fresh
/// from the system: memory that was used before keeps the small pages it had.
/// Throws std::bad_alloc.
void* map_huge(size_t bytes);

/// `bytes` as they were asked for.
void unmap_huge(void* memory, size_t bytes) noexcept;

/// Asks for huge pages in memory that nobody has touched yet. Writing a result
/// to fresh small pages takes longer than the writing.
void prefer_huge(void* memory, size_t bytes) noexcept;

/// Huge pages that several buffers share, each of which is too small for one of
/// its own. Safe for threads. Pages that nothing is in go back to the system
/// but for one, so that a buffer which comes and goes does not fetch one each
/// time.
class SharedPages {
 public:
  static constexpr size_t kPageBytes = size_t(2) << 20;
  /// What buffers begin at multiples of.
  static constexpr size_t kUnit = 1024;

  SharedPages() = default;
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;
  ~SharedPages();

  /// `bytes` from 1 to kPageBytes. Throws std::bad_alloc.
  void* allocate(size_t bytes);

  /// `bytes` as they were asked for.
  void free(void* memory, size_t bytes) noexcept;

  /// How many there are now.
  size_t pages() const;

 private:
  static constexpr size_t kUnits = kPageBytes / kUnit;

  struct Page {
    std::byte* memory;
    std::bitset<kUnits> used;
    /// No free run is longer: full pages need not be searched.
    size_t longest;
  };

  static size_t free_run(Page& page, size_t units);
  void drop(Page& page) noexcept;

  mutable std::mutex mutex_;
  std::vector<Page> pages_;
};

} // namespace coppice::kernels
