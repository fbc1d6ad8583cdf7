#include "io/rewrite.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace coppice {
namespace {

uint32_t crc_of(uint32_t crc, const void* data, uint64_t size) {
  // zlib counts in 32 bits.
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

/// Copies a file from front to back, some parts with other bytes.
class Rewriter {
 public:
  Rewriter(const MappedFile& from, OutputFile& to) : from_(from), to_(to) {}

  /// Copies up to `end`.
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

  /// Copies and writes `covered`, an archive entry with changes inside; returns
  /// its new checksum.
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

/// The checksums of a file, in its order.
std::vector<Checksum> checksums_of(const Checkpoint& checkpoint, size_t file) {
  std::vector<Checksum> found;
  for (const auto& checksum : checkpoint.checksums) {
    if (checksum.file == file) {
      found.push_back(checksum);
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.covered.begin < b.covered.begin;
  });
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
      "{}: the values of `{}` do not lie in the file as they are; save it "
      "without compression.",
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
  std::vector<std::pair<const Checksum*, uint32_t>> renewed;
  Rewriter rewriter(from, output);
  auto checksum = checksums.begin();
  for (size_t i = 0; i < changes.size();) {
    const auto& range = changes[i].range;
    while (checksum != checksums.end() &&
           checksum->covered.end <= range.begin) {
      ++checksum;
    }
    if (checksum == checksums.end() || checksum->covered.begin > range.begin) {
      rewriter.copy_until(range.begin);
      rewriter.write(changes[i++]);
      continue;
    }
    size_t count = 1;
    while (i + count < changes.size() &&
           changes[i + count].range.begin < checksum->covered.end) {
      ++count;
    }
    rewriter.copy_until(checksum->covered.begin);
    renewed.emplace_back(
        &*checksum,
        rewriter.write_entry(checksum->covered, &changes[i], count));
    i += count;
  }
  rewriter.copy_until(from.size());
  for (const auto& [entry, crc] : renewed) {
    const auto bytes = little_endian(crc);
    for (const uint64_t place : entry->places) {
      output.overwrite(start + place, {bytes.data(), bytes.size()});
    }
  }
}

} // namespace coppice
