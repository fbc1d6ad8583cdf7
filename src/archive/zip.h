#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coppice/archive/mapped_file.h"

/// Zip archives as PyTorch writes them, read without trust: every number is
/// held against the file and against its other copy.
namespace coppice::archive {

/// True for what begins as a zip archive does.
bool is_zip(const MappedFile& file);

struct ZipEntry {
  std::string_view name; ///< In the mapped file.
  bool deflated = false;
  ByteRange data;    ///< As it lies in the file.
  uint64_t size = 0; ///< Inflated; of a stored entry that of `data`.
  uint32_t crc = 0;
  std::vector<uint64_t> crc_places; ///< Where the file says `crc`.
};

/// The text of an entry, in the file or inflated.
class ZipText {
 public:
  explicit ZipText(std::string_view view) : view_(view) {}
  explicit ZipText(std::shared_ptr<const std::string> inflated)
      : inflated_(std::move(inflated)), view_(*inflated_) {}

  std::string_view view() const {
    return view_;
  }
  /// Null if the text lies in the file.
  std::shared_ptr<const std::string> inflated() const {
    return inflated_;
  }

 private:
  std::shared_ptr<const std::string> inflated_;
  std::string_view view_;
};

class ZipArchive {
 public:
  /// Errors: FileError if anything does not fit, here and below.
  explicit ZipArchive(std::shared_ptr<const MappedFile> file);

  const std::vector<ZipEntry>& entries() const {
    return entries_;
  }
  /// Null if there is none.
  const ZipEntry* find(std::string_view name) const;

  /// The text of an entry whose checksum is right.
  ZipText read(const ZipEntry& entry);
  /// The same, whatever its checksum.
  ZipText inflate(const ZipEntry& entry);

  const std::shared_ptr<const MappedFile>& file() const {
    return file_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const;

  std::shared_ptr<const MappedFile> file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, size_t> by_name_;
  uint64_t inflatable_; ///< Bytes that may still be inflated.
};

} // namespace coppice::archive
