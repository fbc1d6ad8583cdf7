#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>

namespace coppice::io {

/// Writes a large file from front to back, past the system's cache of files and
/// beside the work that makes its bytes: one block is written while the next is
/// filled. Copying a large file into the cache takes longer than the disk.
///
/// Functions return 0 or the `errno` of a write that failed.
class BlockWriter {
 public:
  /// `descriptor` is open for writing, at the file's begin, and is the
  /// caller's; file systems that know no other way are written through their
  /// cache.
  explicit BlockWriter(int descriptor);
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  int append(const void* data, uint64_t size);

  /// Writes what is left; nothing is appended after.
  int finish();

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  using Block = std::unique_ptr<std::byte, Free>;

  static Block make_block();
  int write_filled();
  int wait();

  int descriptor_;
  std::array<Block, 2> blocks_;
  size_t filling_ = 0;   ///< Which block takes the next bytes.
  uint64_t filled_ = 0;  ///< Bytes in it.
  uint64_t written_ = 0; ///< Bytes of the file before it.
  std::future<int> writing_;
};

} // namespace coppice::io
