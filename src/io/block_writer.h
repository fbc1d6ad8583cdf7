#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>

namespace coppice::io {

/// Writes a large file sequentially with O_DIRECT, overlapped with the
/// computation of its bytes: one block is written while the next is filled.
/// Copying a large file into the page cache takes longer than the disk.
///
/// Functions return 0 or the `errno` of a failed write.
class BlockWriter {
 public:
  /// `descriptor` is open for writing at the start of the file and stays the
  /// caller's. File systems without O_DIRECT are written through the page
  /// cache.
  explicit BlockWriter(int descriptor);
  ~BlockWriter();
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  int append(const void* data, uint64_t size);

  /// Writes the last block. Nothing may be appended afterwards.
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
  size_t filling_ = 0;   ///< Index of the block being filled.
  uint64_t filled_ = 0;  ///< Bytes in that block.
  uint64_t written_ = 0; ///< Bytes of the file before that block.
  std::future<int> writing_;
};

} // namespace coppice::io
