#include "archive/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "archive/byte_reader.h"
#include "archive/zip_records.h"

namespace coppice::archive {
namespace {

uint32_t crc_of(std::string_view text) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

/// Inflates to `text`; false unless that gives exactly its size.
bool inflate_all(std::string_view packed, std::string& text) {
  z_stream stream{};
  constexpr int kRaw = -15; // Without zlib's own header.
  if (inflateInit2(&stream, kRaw) != Z_OK) {
    return false;
  }
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  const bool good = result == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  return good;
}

struct Extent {
  ByteRange range;
  std::string_view name;
};

} // namespace

bool is_zip(const MappedFile& file) {
  const auto text = file.text();
  // A safetensors file could start with the same four bytes, the low half of
  // its header's size. Then four zeros would follow.
  return text.substr(0, 4) == "PK\x03\x04" &&
      text.substr(4, 4) != std::string_view("\0\0\0\0", 4);
}

ZipArchive::ZipArchive(std::shared_ptr<const MappedFile> file)
    : file_(std::move(file)) {
  // A limit against zip bombs: weights hardly compress.
  constexpr uint64_t kMinBudget = uint64_t(64) << 20;
  inflate_budget_ = kMinBudget + 32 * file_->size();

  const ZipRecords records(*file_);
  const ZipDirectory directory = records.directory();
  std::vector<Extent> extents;
  uint64_t offset = directory.begin;
  for (uint64_t i = 0; i < directory.count; ++i) {
    const ZipRecord record = records.record(directory, offset);
    uint64_t end = 0;
    entries_.push_back(records.entry(record, directory.begin, end));
    extents.push_back({{record.header, end}, record.name});
  }
  std::sort(extents.begin(), extents.end(), [](const auto& a, const auto& b) {
    return a.range.begin < b.range.begin;
  });
  for (size_t i = 1; i < extents.size(); ++i) {
    if (extents[i].range.begin < extents[i - 1].range.end) {
      fail(fmt::format(
          "the zip entries {} and {} overlap",
          quoted(extents[i - 1].name),
          quoted(extents[i].name)));
    }
  }
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!by_name_.emplace(entries_[i].name, i).second) {
      fail(fmt::format(
          "the zip archive has two entries {}", quoted(entries_[i].name)));
    }
  }
}

void ZipArchive::fail(const std::string& what) const {
  ZipRecords(*file_).fail(what);
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

ZipText ZipArchive::inflate(const ZipEntry& entry) {
  const auto packed =
      file_->text().substr(entry.data.begin, entry.data.end - entry.data.begin);
  if (!entry.deflated) {
    return ZipText(packed);
  }
  constexpr uint64_t kMaxRatio = 1032; // The limit of deflate.
  constexpr uint64_t kMaxSize = std::numeric_limits<uInt>::max();
  if (entry.size / kMaxRatio > packed.size() || entry.size > inflate_budget_ ||
      entry.size > kMaxSize || packed.size() > kMaxSize) {
    fail(fmt::format(
        "the zip entry {} claims that {} bytes inflate to {}",
        quoted(entry.name),
        packed.size(),
        entry.size));
  }
  inflate_budget_ -= entry.size;
  auto text = std::make_shared<std::string>(entry.size, '\0');
  if (!inflate_all(packed, *text)) {
    fail(fmt::format(
        "the zip entry {} does not inflate to its size", quoted(entry.name)));
  }
  return ZipText(std::move(text));
}

ZipText ZipArchive::read(const ZipEntry& entry) {
  ZipText text = inflate(entry);
  // Zero: PyTorch can be told to skip checksums.
  if (entry.crc != 0 && crc_of(text.view()) != entry.crc) {
    fail(fmt::format(
        "the checksum of the zip entry {} is wrong", quoted(entry.name)));
  }
  return text;
}

} // namespace coppice::archive
