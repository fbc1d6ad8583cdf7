#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/export.h"

namespace coppice {

/// Bytes [begin, end) of a file.
struct ByteRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// A file mapped into memory, read-only. Pages are loaded on access and can be
/// evicted, so a file may be larger than memory.
///
/// If another program truncates the file meanwhile, the process gets SIGBUS, as
/// with every mapped file.
class COPPICE_API MappedFile {
 public:
  /// Errors: FileError if `path` cannot be opened or is not a regular file.
  static std::shared_ptr<const MappedFile> open(const std::string& path);

  /// Wraps bytes in memory; messages call the file `name`.
  static std::shared_ptr<const MappedFile> of_bytes(
      std::string name,
      std::vector<std::byte> bytes);

  /// A part of a file as a file that shares its memory; messages call it
  /// `name`. `range` must lie within the file.
  static std::shared_ptr<const MappedFile> part_of(
      std::shared_ptr<const MappedFile> file,
      ByteRange range,
      std::string name);

  /// The path of the mapped file that contains `address`; empty if there is
  /// none.
  static std::string path_of(const void* address);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const {
    return path_;
  }
  const std::byte* data() const {
    return data_;
  }
  uint64_t size() const {
    return size_;
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(data_), size_};
  }
  /// The file descriptor, for copies without reading; owned by this object. -1
  /// for bytes in memory and parts of files.
  int descriptor() const {
    return descriptor_;
  }
  bool holds(const void* address) const {
    const auto* byte = static_cast<const std::byte*>(address);
    return data_ && byte >= data_ && byte < data_ + size_;
  }

 private:
  MappedFile(std::string path, int descriptor);
  MappedFile(std::string name, std::vector<std::byte> bytes);

  std::string path_;
  int descriptor_ = -1;
  const std::byte* data_ = nullptr; ///< Null if the file is empty.
  uint64_t size_ = 0;
  std::vector<std::byte> bytes_;            ///< Of a file in memory.
  std::shared_ptr<const MappedFile> whole_; ///< What this is a part of.
};

} // namespace coppice
