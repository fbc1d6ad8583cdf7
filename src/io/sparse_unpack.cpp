#include <fmt/format.h>
#include <zlib.h>

#include <unordered_map>
#include <utility>

#include "coppice/io/sparse_checkpoint.h"
#include "io/json_events.h"
#include "io/output_folder.h"
#include "io/sparse_layout.h"
#include "io/sparse_tensor.h"

namespace coppice {
namespace io {
namespace {

[[noreturn]] void fail(const MappedFile& file, const std::string& problem) {
  throw FileError(
      fmt::format("{}: {}; pack the original again.", file.path(), problem));
}

/// A part of an original file: a packed tensor, or a byte range of the packed
/// file.
struct Piece {
  std::optional<PackedTensor> packed;
  ByteRange range;

  uint64_t size() const {
    return packed ? packed->nbytes() : range.end - range.begin;
  }
};

struct OriginalFile {
  std::string name;
  uint64_t size = 0;
  uint32_t crc32 = 0;
  std::vector<Piece> pieces;
};

/// Reads and checks the description of the original files.
class Unpacker {
 public:
  explicit Unpacker(const Checkpoint& packed)
      : file_(*packed.files.front()), metadata_(packed.state.metadata) {
    for (const auto& tensor : packed.state.tensors) {
      tensors_.emplace(tensor.name, &tensor);
    }
  }

  std::vector<OriginalFile> files();
  bool is_folder() const;

 private:
  const StoredTensor* take(const std::string& name);
  ByteRange range_of(const StoredTensor& tensor) const;
  ByteRange own_bytes(std::string_view name);
  Layout layout();
  Piece tensor_piece(const std::string& name);
  Piece rest_piece(uint64_t size);
  OriginalFile original(LayoutFile& file);

  const MappedFile& file_;
  const std::map<std::string, std::string>& metadata_;
  /// Tensors are removed on use, which bounds the output.
  std::unordered_map<std::string_view, const StoredTensor*> tensors_;
  ByteRange rest_;
};

bool Unpacker::is_folder() const {
  const auto container = metadata_.find(std::string(kContainerKey));
  return container != metadata_.end() &&
      (container->second == format_name(CheckpointFormat::ShardedSafetensors) ||
       container->second == format_name(CheckpointFormat::ShardedTorchSave));
}

const StoredTensor* Unpacker::take(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    return nullptr;
  }
  const auto* tensor = found->second;
  tensors_.erase(found);
  return tensor;
}

ByteRange Unpacker::range_of(const StoredTensor& tensor) const {
  const auto begin = static_cast<uint64_t>(tensor.data - file_.data());
  return {begin, begin + tensor.nbytes()};
}

ByteRange Unpacker::own_bytes(std::string_view name) {
  const auto* tensor = take(std::string(name));
  if (!tensor || tensor->dtype != Dtype::U8 || tensor->shape.size() != 1) {
    fail(file_, fmt::format("has no tensor {} of bytes", in_quotes(name)));
  }
  return range_of(*tensor);
}

Layout Unpacker::layout() {
  const auto version = metadata_.find(std::string(kVersionKey));
  if (version == metadata_.end() || version->second != kVersionValue) {
    throw FileError(fmt::format(
        "{}: is a sparse checkpoint of version {}, but this Coppice reads "
        "version {}; unpack it with the Coppice that packed it.",
        file_.path(),
        version == metadata_.end() ? "none" : in_quotes(version->second),
        kVersionValue));
  }
  const auto [begin, end] = own_bytes(kLayoutName);
  return parse_layout(
      file_.path(), file_.text().substr(begin, end - begin), tensors_.size());
}

std::vector<OriginalFile> Unpacker::files() {
  auto layout = this->layout();
  rest_ = own_bytes(kRestName);
  if (!is_folder() && layout.files.size() != 1) {
    fail(
        file_,
        fmt::format("holds {} files instead of one", layout.files.size()));
  }
  std::vector<OriginalFile> files;
  for (auto& file : layout.files) {
    files.push_back(original(file));
  }
  return files;
}

OriginalFile Unpacker::original(LayoutFile& file) {
  OriginalFile result;
  uint64_t size = 0;
  for (auto& part : file.parts) {
    result.pieces.push_back(
        part.tensor ? tensor_piece(*part.tensor) : rest_piece(part.rest));
    size += result.pieces.back().size();
  }
  if (size != file.size) {
    fail(
        file_,
        fmt::format(
            "gives {} {} bytes, but its parts have {}",
            in_quotes(file.name),
            file.size,
            size));
  }
  result.name = std::move(file.name);
  result.size = size;
  result.crc32 = file.crc32;
  return result;
}

Piece Unpacker::tensor_piece(const std::string& name) {
  if (const auto* tensor = take(name)) {
    return {std::nullopt, range_of(*tensor)};
  }
  const auto part = [&](std::string_view suffix) {
    return take(name + std::string(suffix));
  };
  PackedTensor tensor;
  tensor.shape = part(kShapeSuffix);
  tensor.compressed = part(kCompressedSuffix);
  tensor.bitmask = part(kBitmaskSuffix);
  tensor.row_offsets = part(kRowOffsetsSuffix);
  const auto problem = check_packed(tensor);
  if (!problem.empty()) {
    fail(file_, fmt::format("tensor {} {}", in_quotes(name), problem));
  }
  return {tensor, {}};
}

Piece Unpacker::rest_piece(uint64_t size) {
  if (size > rest_.end - rest_.begin) {
    fail(
        file_,
        fmt::format(
            "its {} has {} bytes left where {} are needed",
            kRestName,
            rest_.end - rest_.begin,
            size));
  }
  const ByteRange range{rest_.begin, rest_.begin + size};
  rest_.begin += size;
  return {std::nullopt, range};
}

void write_original(
    const MappedFile& packed,
    const OriginalFile& original,
    OutputFile& output) {
  uLong crc = crc32_z(0, nullptr, 0);
  const auto add = [&crc](const std::byte* data, size_t size) {
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(data), size);
  };
  for (const auto& piece : original.pieces) {
    if (piece.packed) {
      unpack(*piece.packed, [&](const std::byte* data, size_t size) {
        add(data, size);
        output.write(data, size);
      });
    } else {
      add(packed.data() + piece.range.begin, piece.size());
      output.copy(packed, piece.range);
    }
  }
  if (crc != original.crc32) {
    fail(
        packed,
        fmt::format(
            "does not restore {} (its CRC-32 differs)",
            in_quotes(original.name)));
  }
  output.commit();
}

} // namespace
} // namespace io

void unpack_checkpoint(const Checkpoint& packed, const std::string& path) {
  const auto& file = *packed.files.front();
  if (!is_packed(packed)) {
    throw FileError(fmt::format(
        "{}: is not a sparse checkpoint; give a file that Coppice packed.",
        file.path()));
  }
  require_other_file(path, packed);
  io::Unpacker unpacker(packed);
  const auto originals = unpacker.files();
  if (!unpacker.is_folder()) {
    OutputFile output(path, originals.front().size);
    io::write_original(file, originals.front(), output);
    return;
  }
  uint64_t left = 0; // Bytes still to be written.
  std::vector<std::string> names;
  for (const auto& original : originals) {
    left += original.size;
    names.push_back(original.name);
  }
  OutputFolder folder(path, std::move(names));
  for (const auto& original : originals) {
    OutputFile output(folder, original.name, left);
    io::write_original(file, original, output);
    left -= original.size;
  }
  folder.commit();
}

} // namespace coppice
