#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::archive {

/// Writes a zip archive of stored entries. Data begin at multiples of 64 bytes,
/// as PyTorch's do, so that they can be mapped.
class ZipWriter {
 public:
  /// `write` receives the archive in pieces.
  explicit ZipWriter(std::function<void(std::string_view)> write)
      : write_(std::move(write)) {}

  /// Errors: what `write` throws.
  void add(const std::string& name, std::string_view data);
  /// Writes the directory. Call it last.
  void finish();

 private:
  struct Written {
    std::string name;
    uint64_t size;
    uint64_t header;
    uint32_t crc;
  };

  void write(std::string_view bytes);
  void write_end(uint64_t directory);

  std::function<void(std::string_view)> write_;
  uint64_t size_ = 0; ///< Bytes written so far.
  std::vector<Written> entries_;
};

} // namespace coppice::archive
