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

/// A file mapped into memory, to read: its pages come when they are touched and
/// can go again, so that a file may be larger than memory.
///
/// A file that another program cuts short meanwhile ends this one with SIGBUS,
/// as for every program that maps files.
class COPPICE_API MappedFile {
 public:
  /// Errors: FileError if `path` cannot be opened or is no regular file.
  static std::shared_ptr<const MappedFile> open(const std::string& path);

  /// A file that is in memory already; messages call it `name`.
  static std::shared_ptr<const MappedFile> of_bytes(
      std::string name,
      std::vector<std::byte> bytes);

  /// A part of a file as a file, which shares its memory; messages call it
  /// `name`. `range` lies within the file.
  static std::shared_ptr<const MappedFile> part_of(
      std::shared_ptr<const MappedFile> file,
      ByteRange range,
      std::string name);

  /// The path of the open file in which a byte lies; empty if it lies in none.
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
  /// The open file, for what copies without reading; owned by this. -1 for
  /// bytes in memory and for a part of a file.
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
  std::vector<std::byte> bytes_; ///< Of a file in memory.
  std::shared_ptr<const MappedFile> whole_; ///< What this is a part of.
};

} // namespace coppice
