#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "io/formats.h"
#include "io/json_events.h"
#include "io/safetensors_header.h"

// The format: https://github.com/huggingface/safetensors#format
namespace coppice::io {
namespace {

constexpr uint64_t kLengthBytes = 8;

/// The header length in the file.
uint64_t stated_length(const MappedFile& file) {
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | std::to_integer<uint64_t>(file.data()[i]);
  }
  return length;
}

std::string_view header_text(const MappedFile& file) {
  if (file.size() < kLengthBytes) {
    throw FileError(fmt::format(
        "{}: has {} bytes, fewer than the 8 that a safetensors file starts "
        "with; fetch it again.",
        file.path(),
        file.size()));
  }
  const uint64_t length = stated_length(file);
  if (length > kMaxHeaderBytes) {
    throw FileError(fmt::format(
        "{}: its header has {} bytes, but only {} are allowed; write it with "
        "fewer tensors a file.",
        file.path(),
        length,
        kMaxHeaderBytes));
  }
  if (length > file.size() - kLengthBytes) {
    throw FileError(fmt::format(
        "{}: its header has {} bytes, but the file ends after {} of them; "
        "fetch it again.",
        file.path(),
        length,
        file.size() - kLengthBytes));
  }
  return file.text().substr(kLengthBytes, length);
}

[[noreturn]] void fail(
    const MappedFile& file,
    const HeaderEntry& entry,
    const std::string& problem) {
  throw FileError(fmt::format(
      "{}: tensor {} {}; write the file again.",
      file.path(),
      in_quotes(entry.name),
      problem));
}

/// Bits of a tensor; nullopt on overflow. Sizes of 0 count as 1, since strides
/// are products of the other sizes.
std::optional<uint64_t> bits_of(const HeaderEntry& entry) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  const auto bits = static_cast<uint64_t>(dtype_bits(entry.dtype));
  uint64_t product = bits;
  bool empty = false;
  for (const int64_t size : entry.shape) {
    empty |= size == 0;
    const auto factor = static_cast<uint64_t>(std::max<int64_t>(size, 1));
    if (factor > kMax / product) {
      return std::nullopt;
    }
    product *= factor;
  }
  return empty ? 0 : product;
}

void check_entry(const MappedFile& file, const HeaderEntry& entry) {
  const auto [begin, end] = entry.data;
  if (begin > end) {
    fail(
        file,
        entry,
        fmt::format("ends at {}, before its start at {}", end, begin));
  }
  const auto bits = bits_of(entry);
  const auto sizes = [&] {
    return fmt::format(
        "is {}[{}]", dtype_name(entry.dtype), fmt::join(entry.shape, ", "));
  };
  if (!bits) {
    fail(file, entry, sizes() + ", more than can be addressed");
  }
  if (*bits % 8 != 0) {
    fail(file, entry, sizes() + ", which is not a whole number of bytes");
  }
  if (*bits / 8 != end - begin) {
    fail(
        file,
        entry,
        fmt::format(
            "{}, {} bytes, but has {} bytes of data",
            sizes(),
            *bits / 8,
            end - begin));
  }
}

/// Sorted ranges must be adjacent and cover the buffer exactly.
void check_tiling(
    const MappedFile& file,
    const std::vector<HeaderEntry>& entries,
    uint64_t buffer) {
  uint64_t covered = 0;
  for (const auto& entry : entries) {
    const auto [begin, end] = entry.data;
    if (begin != covered) {
      fail(
          file,
          entry,
          fmt::format(
              "starts at byte {} of the data, but the one before it ends at {}",
              begin,
              covered));
    }
    if (end > buffer) {
      throw FileError(fmt::format(
          "{}: tensor {} ends at byte {} of the data, but the file has {}: it "
          "is cut short, fetch or write it again.",
          file.path(),
          in_quotes(entry.name),
          end,
          buffer));
    }
    covered = end;
  }
  if (covered != buffer) {
    throw FileError(fmt::format(
        "{}: has {} bytes after its last tensor; write the file again.",
        file.path(),
        buffer - covered));
  }
}

StoredTensor stored_tensor(
    HeaderEntry& entry,
    const std::byte* buffer,
    const std::shared_ptr<const MappedFile>& file) {
  StoredTensor tensor;
  tensor.name = std::move(entry.name);
  tensor.dtype = entry.dtype;
  tensor.strides = contiguous_strides(entry.shape);
  tensor.shape = std::move(entry.shape);
  tensor.data = buffer + entry.data.begin;
  tensor.owner = file;
  return tensor;
}

} // namespace

bool is_safetensors(const MappedFile& file) {
  const auto text = file.text();
  const auto start = text.find_first_not_of(" \t\r\n", kLengthBytes);
  constexpr std::string_view kSuffix = ".safetensors";
  const std::string_view path = file.path();
  // By its name too: a broken file gets a specific message.
  return (start != std::string_view::npos && text[start] == '{') ||
      (path.size() >= kSuffix.size() &&
       path.substr(path.size() - kSuffix.size()) == kSuffix);
}

Checkpoint read_safetensors(std::shared_ptr<const MappedFile> file) {
  const auto text = header_text(*file);
  auto header = parse_header(file->path(), text);
  auto& entries = header.entries;
  for (const auto& entry : entries) {
    check_entry(*file, entry);
  }
  std::stable_sort(
      entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        return std::pair(a.data.begin, a.data.end) <
            std::pair(b.data.begin, b.data.end);
      });
  const uint64_t start = kLengthBytes + text.size();
  check_tiling(*file, entries, file->size() - start);

  Checkpoint result;
  result.format = CheckpointFormat::Safetensors;
  result.state.metadata = std::move(header.metadata);
  result.state.tensors.reserve(entries.size());
  for (auto& entry : entries) {
    result.state.tensors.push_back(
        stored_tensor(entry, file->data() + start, file));
  }
  result.files.push_back(std::move(file));
  return result;
}

} // namespace coppice::io
