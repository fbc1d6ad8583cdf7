#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::archive {

/// Writes a zip archive of stored entries, whose data begin at multiples of 64
/// as those of PyTorch do, so that they can be mapped.
class ZipWriter {
 public:
  /// `write` is given the archive piece by piece.
  explicit ZipWriter(std::function<void(std::string_view)> write)
      : write_(std::move(write)) {}

  /// Errors: what `write` throws.
  void add(const std::string& name, std::string_view data);
  /// The directory: the last thing to write.
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
  uint64_t size_ = 0; ///< Of what was written.
  std::vector<Written> entries_;
};

} // namespace coppice::archive
