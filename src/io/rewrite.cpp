#include "io/rewrite.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace coppice {
namespace {

uint32_t crc_of(uint32_t crc, const void* data, uint64_t size) {
  // The size argument of zlib has 32 bits.
  constexpr uint64_t kPiece = uint64_t(1) << 30;
  const auto* next = static_cast<const Bytef*>(data);
  while (size > 0) {
    const uint64_t piece = std::min(size, kPiece);
    crc = static_cast<uint32_t>(crc32(crc, next, static_cast<uInt>(piece)));
    next += piece;
    size -= piece;
  }
  return crc;
}

/// Copies a file sequentially, with changes.
class Rewriter {
 public:
  Rewriter(const MappedFile& from, OutputFile& to) : from_(from), to_(to) {}

  void copy_until(uint64_t end) {
    if (end > at_) {
      to_.copy(from_, {at_, end});
      at_ = end;
    }
  }

  void write(const Change& change) {
    write_checked(change, [this](const void* data, uint64_t size) {
      to_.write(data, size);
    });
  }

  /// Writes `covered`, an archive entry with changes in it; returns its new
  /// checksum.
  uint32_t write_entry(ByteRange covered, const Change* first, size_t count) {
    uint32_t crc = 0;
    const ByteSink sink = [&](const void* data, uint64_t size) {
      crc = crc_of(crc, data, size);
      to_.write(data, size);
    };
    const auto keep_until = [&](uint64_t end) {
      sink(from_.data() + at_, end - at_);
      at_ = end;
    };
    for (size_t i = 0; i < count; ++i) {
      keep_until(first[i].range.begin);
      write_checked(first[i], sink);
    }
    keep_until(covered.end);
    return crc;
  }

 private:
  void write_checked(const Change& change, const ByteSink& sink) {
    uint64_t left = change.range.end - change.range.begin;
    change.write([&](const void* data, uint64_t size) {
      if (size > left) {
        throw std::logic_error("a change writes more bytes than its range has");
      }
      left -= size;
      sink(data, size);
    });
    if (left != 0) {
      throw std::logic_error("a change writes fewer bytes than its range has");
    }
    at_ = change.range.end;
  }

  const MappedFile& from_;
  OutputFile& to_;
  uint64_t at_ = 0;
};

bool holds(const ByteRange& whole, const ByteRange& part) {
  return whole.begin <= part.begin && part.end <= whole.end;
}

/// The checksums of a file.
struct Checksums {
  std::vector<Checksum> entries; ///< In file order.
  /// Of nested archives, which contain other ranges; inner ones first.
  std::vector<Checksum> archives;
};

Checksums checksums_of(const Checkpoint& checkpoint, size_t file) {
  std::vector<Checksum> all;
  for (const auto& checksum : checkpoint.checksums) {
    if (checksum.file == file) {
      all.push_back(checksum);
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.covered.begin != b.covered.begin
        ? a.covered.begin < b.covered.begin
        : a.covered.end > b.covered.end;
  });
  Checksums found;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool is_archive =
        i + 1 < all.size() && holds(all[i].covered, all[i + 1].covered);
    (is_archive ? found.archives : found.entries).push_back(all[i]);
  }
  // Of two nested ones the inner begins later.
  std::reverse(found.archives.begin(), found.archives.end());
  return found;
}

std::array<char, 4> little_endian(uint32_t value) {
  std::array<char, 4> bytes{};
  for (char& byte : bytes) {
    byte = static_cast<char>(value & 0xff);
    value >>= 8;
  }
  return bytes;
}

/// The stored checksum at `place`.
uint32_t stated_crc(const MappedFile& file, uint64_t place) {
  uint32_t crc = 0;
  for (int i = 3; i >= 0; --i) {
    crc = crc << 8 | std::to_integer<uint32_t>(file.data()[place + i]);
  }
  return crc;
}

/// Writes new checksums, those of nested archives last. CRC-32 is linear: the
/// change of a checksum follows from the changes of its bytes, so that
/// unchanged bytes are not read again.
class ChecksumWriter {
 public:
  ChecksumWriter(const MappedFile& from, OutputFile& to, uint64_t start)
      : from_(from), to_(to), start_(start) {}

  /// Replaces the checksum of an entry.
  void renew(const Checksum& entry, uint32_t old_crc, uint32_t new_crc) {
    patches_.push_back({entry.covered, old_crc ^ new_crc});
    write(entry, new_crc);
  }

  void renew_archive(const Checksum& archive) {
    const uint32_t stated = stated_crc(from_, archive.places.at(0));
    uint32_t crc = stated;
    bool changes = false;
    for (const auto& patch : patches_) {
      if (holds(archive.covered, patch.range)) {
        const uint64_t behind = archive.covered.end - patch.range.end;
        crc ^= static_cast<uint32_t>(
            crc32_combine(patch.difference, 0, static_cast<z_off_t>(behind)));
        changes = true;
      }
    }
    if (changes && stated != 0) { // Zero: not computed.
      write(archive, crc);
    }
  }

 private:
  struct Patch {
    ByteRange range;
    uint32_t difference; ///< Between the checksums of its bytes.
  };

  void write(const Checksum& checksum, uint32_t crc) {
    const auto bytes = little_endian(crc);
    for (const uint64_t place : checksum.places) {
      const uint32_t before = crc_of(0, from_.data() + place, bytes.size());
      const uint32_t after = crc_of(0, bytes.data(), bytes.size());
      patches_.push_back({{place, place + bytes.size()}, before ^ after});
      to_.overwrite(start_ + place, {bytes.data(), bytes.size()});
    }
  }

  const MappedFile& from_;
  OutputFile& to_;
  uint64_t start_; ///< Offset of the copy in the output.
  std::vector<Patch> patches_;
};

/// Elements from the first to one past the last, gaps included.
uint64_t span_of(const StoredTensor& tensor) {
  uint64_t last = 0;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    last += static_cast<uint64_t>(tensor.shape[i] - 1) * tensor.strides[i];
  }
  return last + 1;
}

} // namespace

TensorPlace place_of(const StoredTensor& tensor, const Checkpoint& checkpoint) {
  for (size_t i = 0; i < checkpoint.files.size(); ++i) {
    const auto& file = *checkpoint.files[i];
    if (file.holds(tensor.data)) {
      const uint64_t begin = tensor.data - file.data();
      const uint64_t bytes = tensor.is_contiguous()
          ? tensor.nbytes()
          : span_of(tensor) * dtype_bits(tensor.dtype) / 8;
      return {i, {begin, begin + bytes}};
    }
  }
  throw FileError(fmt::format(
      "{}: the values of `{}` are compressed in the file; save it without "
      "compression.",
      checkpoint.files.empty() ? "?" : checkpoint.files[0]->path(),
      tensor.name));
}

bool is_changeable(const StoredTensor& tensor, const Checkpoint& checkpoint) {
  return tensor.fixed_because.empty() && tensor.numel() > 0 &&
      std::any_of(
             checkpoint.files.begin(),
             checkpoint.files.end(),
             [&](const auto& file) { return file->holds(tensor.data); });
}

void rewrite_file(
    const Checkpoint& checkpoint,
    size_t file,
    const std::vector<Change>& changes,
    OutputFile& output) {
  const MappedFile& from = *checkpoint.files[file];
  const uint64_t start = output.size();
  const auto checksums = checksums_of(checkpoint, file);
  const auto& entries = checksums.entries;
  ChecksumWriter renewed(from, output, start);
  std::vector<std::pair<const Checksum*, uint32_t>> written;
  Rewriter rewriter(from, output);
  auto entry = entries.begin();
  for (size_t i = 0; i < changes.size();) {
    const auto& range = changes[i].range;
    while (entry != entries.end() && entry->covered.end <= range.begin) {
      ++entry;
    }
    if (entry == entries.end() || entry->covered.begin > range.begin) {
      rewriter.copy_until(range.begin);
      rewriter.write(changes[i++]);
      continue;
    }
    size_t count = 1;
    while (i + count < changes.size() &&
           changes[i + count].range.begin < entry->covered.end) {
      ++count;
    }
    rewriter.copy_until(entry->covered.begin);
    written.emplace_back(
        &*entry, rewriter.write_entry(entry->covered, &changes[i], count));
    i += count;
  }
  rewriter.copy_until(from.size());
  for (const auto& [changed, crc] : written) {
    const auto [begin, end] = changed->covered;
    const bool is_nested = !checksums.archives.empty();
    renewed.renew(
        *changed,
        is_nested ? crc_of(0, from.data() + begin, end - begin) : 0,
        crc);
  }
  for (const auto& archive : checksums.archives) {
    renewed.renew_archive(archive);
  }
}

} // namespace coppice
