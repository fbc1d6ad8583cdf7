#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coppice/archive/mapped_file.h"

/// Zip archives as written by PyTorch, read as untrusted input: every number is
/// checked against the file and against its other copy.
namespace coppice::archive {

/// Whether the file starts like a zip archive.
bool is_zip(const MappedFile& file);

struct ZipEntry {
  std::string_view name; ///< In the mapped file.
  bool deflated = false;
  ByteRange data;    ///< As stored in the file.
  uint64_t size = 0; ///< In bytes, uncompressed.
  uint32_t crc = 0;
  std::vector<uint64_t> crc_offsets; ///< Where the file stores `crc`.
};

/// The bytes of an entry, mapped or inflated.
class ZipText {
 public:
  explicit ZipText(std::string_view view) : view_(view) {}
  explicit ZipText(std::shared_ptr<const std::string> inflated)
      : inflated_(std::move(inflated)), view_(*inflated_) {}

  std::string_view view() const {
    return view_;
  }
  /// Null if the bytes are in the mapped file.
  std::shared_ptr<const std::string> inflated() const {
    return inflated_;
  }

 private:
  std::shared_ptr<const std::string> inflated_;
  std::string_view view_;
};

class ZipArchive {
 public:
  /// Errors of all members: FileError if the file is inconsistent.
  explicit ZipArchive(std::shared_ptr<const MappedFile> file);

  const std::vector<ZipEntry>& entries() const {
    return entries_;
  }
  /// Null if there is none.
  const ZipEntry* find(std::string_view name) const;

  /// The content of an entry, with its checksum verified.
  ZipText read(const ZipEntry& entry);
  /// The same without verifying the checksum.
  ZipText inflate(const ZipEntry& entry);

  const std::shared_ptr<const MappedFile>& file() const {
    return file_;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const;

  std::shared_ptr<const MappedFile> file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, size_t> by_name_;
  uint64_t inflate_budget_; ///< Bytes that may still be inflated.
};

} // namespace coppice::archive
