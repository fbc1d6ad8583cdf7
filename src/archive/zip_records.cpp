#include "archive/zip_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "archive/byte_reader.h"
#include "coppice/archive/file_error.h"

namespace coppice::archive {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kDescriptor = 0x08074b50;
constexpr uint32_t kCentralRecord = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kEnd64Locator = 0x07064b50;

constexpr uint64_t kLocalSize = 30;
constexpr uint64_t kCentralSize = 46;
constexpr uint64_t kEndSize = 22;
constexpr uint64_t kEnd64Size = 56;
constexpr uint64_t kLocatorSize = 20;

/// The number is in the zip64 record.
constexpr uint16_t kSeeZip64Short = 0xffff;
constexpr uint32_t kSeeZip64 = 0xffffffff;

} // namespace

void ZipRecords::fail(const std::string& what) const {
  throw FileError(fmt::format(
      "{}: {}; it is cut short or broken, copy or save it again.",
      file_.path(),
      what));
}

template <class T>
T ZipRecords::number(uint64_t at) const {
  return number_at<T>(file_.text(), at);
}

void ZipRecords::require(uint64_t at, uint64_t size, uint64_t limit) const {
  if (at > limit || size > limit - at) {
    fail(fmt::format(
        "a zip record of {} bytes at byte {} extends beyond its limit",
        size,
        at));
  }
}

uint64_t ZipRecords::find_end() const {
  constexpr uint64_t kLongestComment = 65535;
  const uint64_t size = file_.size();
  if (size >= kEndSize) {
    const uint64_t last = size - kEndSize;
    const uint64_t first = last - std::min(last, kLongestComment);
    for (uint64_t at = last + 1; at-- > first;) {
      if (number<uint32_t>(at) == kEnd &&
          number<uint16_t>(at + 20) == last - at) {
        return at;
      }
    }
  }
  fail("the directory at the end of the zip archive is missing");
}

ZipDirectory ZipRecords::directory() const {
  const uint64_t end = find_end();
  ZipDirectory directory;
  const auto count = number<uint16_t>(end + 10);
  const auto size = number<uint32_t>(end + 12);
  const auto begin = number<uint32_t>(end + 16);
  const bool has_64 = end >= kLocatorSize &&
      number<uint32_t>(end - kLocatorSize) == kEnd64Locator;
  if (has_64) {
    directory = directory_64(end);
    // The short fields have the same value or refer to the long ones.
    if ((count != kSeeZip64Short && count != directory.count) ||
        (begin != kSeeZip64 && begin != directory.begin) ||
        (size != kSeeZip64 && size != directory.end - directory.begin)) {
      fail("the zip and zip64 end records differ");
    }
  } else {
    require(begin, size, end);
    directory = {begin, uint64_t(begin) + size, count};
    if (number<uint16_t>(end + 4) != 0 || number<uint16_t>(end + 6) != 0 ||
        number<uint16_t>(end + 8) != count) {
      fail("the zip archive is split into several files");
    }
  }
  if (directory.count > (directory.end - directory.begin) / kCentralSize) {
    fail(fmt::format(
        "the zip directory claims {} entries, more than fit", directory.count));
  }
  return directory;
}

ZipDirectory ZipRecords::directory_64(uint64_t end) const {
  const uint64_t locator = end - kLocatorSize;
  const auto at = number<uint64_t>(locator + 8);
  require(at, kEnd64Size, locator);
  if (number<uint32_t>(at) != kEnd64) {
    fail("the zip64 record is not where the archive says");
  }
  const auto count = number<uint64_t>(at + 32);
  const auto size = number<uint64_t>(at + 40);
  const auto begin = number<uint64_t>(at + 48);
  if (number<uint32_t>(at + 16) != 0 || number<uint32_t>(at + 20) != 0 ||
      number<uint64_t>(at + 24) != count) {
    fail("the zip archive is split into several files");
  }
  require(begin, size, at);
  return {begin, begin + size, count};
}

ZipRecord ZipRecords::record(const ZipDirectory& directory, uint64_t& offset)
    const {
  const uint64_t at = offset;
  require(at, kCentralSize, directory.end);
  if (number<uint32_t>(at) != kCentralRecord) {
    fail(fmt::format("the zip directory has no record at byte {}", at));
  }
  ZipRecord record;
  record.flags = number<uint16_t>(at + 8);
  record.method = number<uint16_t>(at + 10);
  record.crc = number<uint32_t>(at + 16);
  record.crc_offset = at + 16;
  record.compressed_size = number<uint32_t>(at + 20);
  record.size = number<uint32_t>(at + 24);
  record.header = number<uint32_t>(at + 42);
  const uint64_t name_size = number<uint16_t>(at + 28);
  const uint64_t extra_size = number<uint16_t>(at + 30);
  const uint64_t comment_size = number<uint16_t>(at + 32);
  require(
      at + kCentralSize, name_size + extra_size + comment_size, directory.end);
  record.name = file_.text().substr(at + kCentralSize, name_size);
  const uint64_t extra = at + kCentralSize + name_size;
  read_zip64({extra, extra + extra_size}, record);
  if (number<uint16_t>(at + 34) != 0 && number<uint16_t>(at + 34) != 0xffff) {
    fail("the zip archive is split into several files");
  }
  offset = extra + extra_size + comment_size;
  return record;
}

void ZipRecords::read_zip64(ByteRange extra, ZipRecord& record) const {
  constexpr uint16_t kZip64 = 1;
  uint64_t at = extra.begin;
  while (extra.end - at >= 4) {
    const auto id = number<uint16_t>(at);
    uint64_t left = number<uint16_t>(at + 2);
    at += 4;
    require(at, left, extra.end);
    const uint64_t next = at + left;
    if (id == kZip64) {
      // Only those that did not fit, in this order.
      for (uint64_t* field :
           {&record.size, &record.compressed_size, &record.header}) {
        if (*field == kSeeZip64 && next - at >= 8) {
          *field = number<uint64_t>(at);
          at += 8;
        }
      }
      return;
    }
    at = next;
  }
}

ByteRange ZipRecords::check_header(const ZipRecord& record, uint64_t limit)
    const {
  const uint64_t at = record.header;
  const std::string name = quoted(record.name);
  require(at, kLocalSize, limit);
  const auto flags = number<uint16_t>(at + 6);
  const uint64_t name_size = number<uint16_t>(at + 26);
  const uint64_t extra_size = number<uint16_t>(at + 28);
  require(at + kLocalSize, name_size + extra_size, limit);
  if (((record.flags | flags) & kZipEncrypted) != 0) {
    throw FileError(fmt::format(
        "{}: the zip entry {} is encrypted; save it without a password.",
        file_.path(),
        name));
  }
  if (number<uint32_t>(at) != kLocalHeader ||
      file_.text().substr(at + kLocalSize, name_size) != record.name ||
      number<uint16_t>(at + 8) != record.method ||
      ((flags ^ record.flags) & kZipDeferred) != 0) {
    fail(fmt::format("the two headers of the zip entry {} differ", name));
  }
  if (record.method != kZipStored && record.method != kZipDeflated) {
    fail(fmt::format(
        "the zip entry {} has the unsupported compression method {}",
        name,
        record.method));
  }
  if (record.method == kZipStored && record.size != record.compressed_size) {
    fail(fmt::format("the zip entry {} is stored in two sizes", name));
  }
  const uint64_t extra = at + kLocalSize + name_size;
  return {extra, extra + extra_size};
}

ZipEntry ZipRecords::entry(
    const ZipRecord& record,
    uint64_t limit,
    uint64_t& end) const {
  const uint64_t at = record.header;
  const ByteRange extra = check_header(record, limit);
  ZipEntry entry;
  entry.name = record.name;
  entry.deflated = record.method == kZipDeflated;
  entry.size = record.size;
  entry.crc = record.crc;
  entry.crc_offsets = {record.crc_offset};
  entry.data.begin = extra.end;
  require(entry.data.begin, record.compressed_size, limit);
  entry.data.end = entry.data.begin + record.compressed_size;

  ZipRecord local;
  local.crc = number<uint32_t>(at + 14);
  local.compressed_size = number<uint32_t>(at + 18);
  local.size = number<uint32_t>(at + 22);
  read_zip64(extra, local);
  const bool deferred = (record.flags & kZipDeferred) != 0;
  // Streaming writers leave zeros in the local header.
  const auto fits = [deferred](uint64_t local, uint64_t central) {
    return local == central || (deferred && (local == 0 || local == kSeeZip64));
  };
  if (!fits(local.crc, record.crc) || !fits(local.size, record.size) ||
      !fits(local.compressed_size, record.compressed_size)) {
    fail(fmt::format(
        "the two headers of the zip entry {} differ", quoted(record.name)));
  }
  if (!deferred || (local.crc == record.crc && record.crc != 0)) {
    entry.crc_offsets.push_back(at + 14);
  }
  end = deferred ? check_descriptor(record, limit, entry) : entry.data.end;
  return entry;
}

uint64_t ZipRecords::check_descriptor(
    const ZipRecord& record,
    uint64_t limit,
    ZipEntry& entry) const {
  // The format does not say whether there is a signature, nor how wide the
  // sizes are: try all four.
  for (const uint64_t signature : {4, 0}) {
    for (const uint64_t width : {4, 8}) {
      const uint64_t at = entry.data.end + signature;
      const uint64_t end = at + 4 + 2 * width;
      if (end > limit ||
          (signature != 0 && number<uint32_t>(entry.data.end) != kDescriptor)) {
        continue;
      }
      const auto size_at = [this, width](uint64_t place) {
        return width == 8 ? number<uint64_t>(place) : number<uint32_t>(place);
      };
      if (number<uint32_t>(at) == record.crc &&
          size_at(at + 4) == record.compressed_size &&
          size_at(at + 4 + width) == record.size) {
        entry.crc_offsets.push_back(at);
        return end;
      }
    }
  }
  fail(fmt::format(
      "the data descriptor of the zip entry {} differs from the directory",
      quoted(entry.name)));
}

} // namespace coppice::archive
