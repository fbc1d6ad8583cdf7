#pragma once

#include <functional>
#include <string>

#include "archive/zip.h"

/// The records of a zip archive, each validated alone. All numbers are
/// little-endian; offsets are from the start of the file.
namespace coppice::archive {

struct ZipDirectory {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t count = 0; ///< Number of entries.
};

/// A record of the central directory.
struct ZipRecord {
  std::string_view name;
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc = 0;
  uint64_t compressed_size = 0;
  uint64_t size = 0;
  uint64_t header = 0; ///< Offset of the local header.
  uint64_t crc_offset = 0;
};

constexpr uint16_t kZipEncrypted = 1;
/// Checksum and sizes follow the data (a data descriptor).
constexpr uint16_t kZipDeferred = 8;
constexpr uint16_t kZipStored = 0;
constexpr uint16_t kZipDeflated = 8;

class ZipRecords {
 public:
  explicit ZipRecords(const MappedFile& file) : file_(file) {}

  ZipDirectory directory() const;
  /// The record at `offset`, which is advanced past it.
  ZipRecord record(const ZipDirectory& directory, uint64_t& offset) const;
  /// The entry of a record; it must lie before `limit`. `end` becomes the
  /// offset of the first byte after it.
  ZipEntry entry(const ZipRecord& record, uint64_t limit, uint64_t& end) const;

  [[noreturn]] void fail(const std::string& what) const;

 private:
  template <class T>
  T number(uint64_t at) const;
  void require(uint64_t at, uint64_t size, uint64_t limit) const;
  uint64_t find_end() const;
  ZipDirectory directory_64(uint64_t end) const;
  void read_zip64(ByteRange extra, ZipRecord& record) const;
  /// Checks the local header against the record. Returns the range of its extra
  /// fields.
  ByteRange check_header(const ZipRecord& record, uint64_t limit) const;
  uint64_t check_descriptor(
      const ZipRecord& record,
      uint64_t limit,
      ZipEntry& entry) const;

  const MappedFile& file_;
};

} // namespace coppice::archive
