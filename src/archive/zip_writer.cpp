#include "archive/zip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace coppice::archive {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint16_t kVersion = 45; // The first one with zip64.
constexpr uint16_t kDate = 0x21;  // 1 January 1980: output is reproducible.
constexpr uint64_t kSeeZip64 = 0xffffffff;
constexpr uint16_t kZip64 = 1;
constexpr uint16_t kPadding = 0x4246; // "FB", as PyTorch.

/// A record of little-endian numbers.
class Record {
 public:
  template <class T>
  Record& add(T number) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &number, sizeof(T));
    bytes_.append(bytes, sizeof(T));
    return *this;
  }
  /// The number, or a reference to the zip64 field if it does not fit 32 bits.
  Record& add_short(uint64_t number) {
    return add(static_cast<uint32_t>(std::min(number, kSeeZip64)));
  }
  Record& add(const std::string& text) {
    bytes_ += text;
    return *this;
  }
  const std::string& bytes() const {
    return bytes_;
  }

 private:
  std::string bytes_;
};

/// The extra field for numbers that do not fit 32 bits.
std::string zip64_field(const std::vector<uint64_t>& numbers) {
  Record record;
  for (const uint64_t number : numbers) {
    record.add(number);
  }
  const auto size = static_cast<uint16_t>(record.bytes().size());
  return size == 0 ? ""
                   : Record().add(kZip64).add(size).add(record.bytes()).bytes();
}

/// Pads the extra fields so that the data are aligned.
std::string aligned(std::string extra, uint64_t data) {
  const uint64_t rest = (kAlignment - (data + 4) % kAlignment) % kAlignment;
  extra += Record().add(kPadding).add(static_cast<uint16_t>(rest)).bytes();
  return extra + std::string(rest, 'Z');
}

/// The fields that both headers of an entry share.
Record& add_common_fields(Record& record, uint32_t crc, uint64_t size) {
  constexpr uint16_t kStored = 0;
  constexpr uint16_t kUtf8 = 0x800;
  record.add(kVersion).add(kUtf8).add(kStored).add(uint16_t(0)).add(kDate);
  return record.add(crc).add_short(size).add_short(size);
}

} // namespace

void ZipWriter::write(std::string_view bytes) {
  write_(bytes);
  size_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::string_view data) {
  Written entry{name, data.size(), size_, 0};
  entry.crc = static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  constexpr uint64_t kHeader = 30;
  std::string extra;
  if (entry.size >= kSeeZip64) {
    extra = zip64_field({entry.size, entry.size});
  }
  extra = aligned(extra, entry.header + kHeader + name.size() + extra.size());
  Record record;
  record.add(uint32_t(0x04034b50));
  add_common_fields(record, entry.crc, entry.size)
      .add(static_cast<uint16_t>(name.size()))
      .add(static_cast<uint16_t>(extra.size()))
      .add(name)
      .add(extra);
  write(record.bytes());
  write(data);
  entries_.push_back(std::move(entry));
}

void ZipWriter::finish() {
  const uint64_t directory = size_;
  for (const auto& entry : entries_) {
    std::vector<uint64_t> large;
    if (entry.size >= kSeeZip64) {
      large = {entry.size, entry.size};
    }
    if (entry.header >= kSeeZip64) {
      large.push_back(entry.header);
    }
    const std::string extra = zip64_field(large);
    Record record;
    record.add(uint32_t(0x02014b50)).add(kVersion);
    add_common_fields(record, entry.crc, entry.size)
        .add(static_cast<uint16_t>(entry.name.size()))
        .add(static_cast<uint16_t>(extra.size()))
        .add(uint16_t(0)) // comment
        .add(uint16_t(0)) // disk
        .add(uint16_t(0)) // internal attributes
        .add(uint32_t(0)) // external attributes
        .add_short(entry.header)
        .add(entry.name)
        .add(extra);
    write(record.bytes());
  }
  write_end(directory);
}

void ZipWriter::write_end(uint64_t directory) {
  constexpr uint64_t kMaxShort = 0xffff;
  const uint64_t end = size_;
  const uint64_t size = end - directory;
  const uint64_t count = entries_.size();
  if (count >= kMaxShort || directory >= kSeeZip64 || size >= kSeeZip64) {
    constexpr uint64_t kRest = 44; // The record minus its first 12 bytes.
    write(Record()
              .add(uint32_t(0x06064b50))
              .add(kRest)
              .add(kVersion)
              .add(kVersion)
              .add(uint32_t(0))
              .add(uint32_t(0))
              .add(count)
              .add(count)
              .add(size)
              .add(directory)
              .bytes());
    write(Record()
              .add(uint32_t(0x07064b50))
              .add(uint32_t(0))
              .add(end)
              .add(uint32_t(1))
              .bytes());
  }
  const auto short_count = static_cast<uint16_t>(std::min(count, kMaxShort));
  write(Record()
            .add(uint32_t(0x06054b50))
            .add(uint16_t(0))
            .add(uint16_t(0))
            .add(short_count)
            .add(short_count)
            .add_short(size)
            .add_short(directory)
            .add(uint16_t(0))
            .bytes());
}

} // namespace coppice::archive
