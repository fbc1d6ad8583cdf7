#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "coppice/io/sparse_checkpoint.h"
#include "io/json_events.h"
#include "io/safetensors_header.h"
#include "io/sparse_layout.h"
#include "io/sparse_tensor.h"

namespace coppice {
namespace io {
namespace {

/// A tensor stored in a byte range of a file.
struct Segment {
  const StoredTensor* tensor;
  size_t file;
  ByteRange range;
};

bool is_utf8(const std::string& text) {
  try {
    json_text(text);
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

bool can_store(const StoredTensor& tensor) {
  return tensor.name != "__metadata__" &&
      tensor.name.compare(0, kOwnPrefix.size(), kOwnPrefix) != 0 &&
      is_utf8(tensor.name) && in_safetensors(tensor.dtype) &&
      tensor.shape.size() <= kMaxDimensions && tensor.is_contiguous() &&
      tensor.numel() * dtype_bits(tensor.dtype) % 8 == 0;
}

/// All tensors that can be stored and are in a file, in file order; of those
/// with the same start the largest first.
std::vector<Segment> candidates(const Checkpoint& input) {
  std::vector<Segment> segments;
  for (const auto& tensor : input.state.tensors) {
    const bool storable = tensor.numel() > 0 && can_store(tensor);
    for (size_t i = 0; storable && i < input.files.size(); ++i) {
      const auto& file = *input.files[i];
      if (file.holds(tensor.data)) {
        const auto begin = static_cast<uint64_t>(tensor.data - file.data());
        segments.push_back({&tensor, i, {begin, begin + tensor.nbytes()}});
        break;
      }
    }
  }
  std::stable_sort(
      segments.begin(), segments.end(), [](const auto& a, const auto& b) {
        return std::tie(a.file, a.range.begin, b.range.end) <
            std::tie(b.file, b.range.begin, a.range.end);
      });
  return segments;
}

/// The candidates that overlap none before and whose names are new.
std::vector<Segment> segments_of(const Checkpoint& input) {
  std::vector<Segment> segments;
  std::unordered_set<std::string_view> names;
  for (const auto& next : candidates(input)) {
    const auto& file = *input.files[next.file];
    const bool is_disjoint = segments.empty() ||
        segments.back().file != next.file ||
        segments.back().range.end <= next.range.begin;
    if (is_disjoint && next.range.end <= file.size() &&
        names.insert(next.tensor->name).second) {
      segments.push_back(next);
    }
  }
  return segments;
}

uint32_t crc32_of(const MappedFile& file) {
  const auto* bytes = reinterpret_cast<const Bytef*>(file.data());
  return static_cast<uint32_t>(crc32_z(0, bytes, file.size()));
}

std::string name_of(const MappedFile& file) {
  const auto name = std::filesystem::path(file.path()).filename().string();
  return is_utf8(name) && !name.empty() ? name : "checkpoint";
}

/// Builds the sections and the layout of a packed file.
class Packer {
 public:
  Packer(const Checkpoint& input, const PackOptions& options)
      : input_(input), options_(options), segments_(segments_of(input)) {
    for (const auto& segment : segments_) {
      names_.insert(segment.tensor->name);
    }
  }

  SafetensorsPlan plan() {
    size_t next = 0;
    for (size_t file = 0; file < input_.files.size(); ++file) {
      add_file(file, next);
    }
    add_empty_tensors();
    add_own_sections();
    return plan_safetensors(std::move(sections_), metadata());
  }

 private:
  struct Rest {
    size_t file;
    ByteRange range;
  };

  void add_file(size_t index, size_t& next);
  void add_rest(size_t file, ByteRange range);
  void add_segment(const Segment& segment);
  bool try_pack(const StoredTensor& tensor);
  void add_empty_tensors();
  void add_own_sections();
  std::map<std::string, std::string> metadata() const;

  const Checkpoint& input_;
  PackOptions options_;
  std::vector<Segment> segments_;
  std::unordered_set<std::string> names_; ///< Names already taken.
  std::vector<Section> sections_;
  std::vector<Rest> rest_;
  Layout layout_;
};

void Packer::add_file(size_t index, size_t& next) {
  const auto& file = *input_.files[index];
  layout_.files.push_back({name_of(file), file.size(), crc32_of(file), {}});
  uint64_t done = 0;
  for (; next < segments_.size() && segments_[next].file == index; ++next) {
    add_rest(index, {done, segments_[next].range.begin});
    add_segment(segments_[next]);
    done = segments_[next].range.end;
  }
  add_rest(index, {done, file.size()});
}

void Packer::add_rest(size_t file, ByteRange range) {
  if (range.begin < range.end) {
    rest_.push_back({file, range});
    layout_.files.back().parts.push_back(
        {std::nullopt, range.end - range.begin});
  }
}

void Packer::add_segment(const Segment& segment) {
  const auto& tensor = *segment.tensor;
  layout_.files.back().parts.push_back({tensor.name, 0});
  if (try_pack(tensor)) {
    return;
  }
  const auto* file = input_.files[segment.file].get();
  sections_.push_back(
      {tensor.name,
       tensor.dtype,
       tensor.shape,
       tensor.nbytes(),
       [file, range = segment.range](OutputFile& output) {
         output.copy(*file, range);
       }});
}

bool Packer::try_pack(const StoredTensor& tensor) {
  if (!can_pack(tensor.dtype)) {
    return false;
  }
  const auto packing = packing_of(tensor, options_.keep_rows);
  if (packed_size(tensor, packing) >= tensor.nbytes()) {
    return false;
  }
  auto sections = packed_sections(tensor, packing);
  for (const auto& section : sections) {
    if (names_.count(section.name) != 0) {
      return false;
    }
  }
  for (auto& section : sections) {
    names_.insert(section.name);
    sections_.push_back(std::move(section));
  }
  return true;
}

/// Empty tensors have no bytes to restore; they are kept for readers by name.
/// Shapes from other formats may be invalid in safetensors.
void Packer::add_empty_tensors() {
  if (input_.format != CheckpointFormat::Safetensors &&
      input_.format != CheckpointFormat::ShardedSafetensors) {
    return;
  }
  for (const auto& tensor : input_.state.tensors) {
    if (tensor.numel() == 0 && can_store(tensor) &&
        names_.insert(tensor.name).second) {
      sections_.push_back(section_of(tensor));
    }
  }
}

void Packer::add_own_sections() {
  uint64_t size = 0;
  for (const auto& rest : rest_) {
    size += rest.range.end - rest.range.begin;
  }
  sections_.push_back(
      {std::string(kRestName),
       Dtype::U8,
       {static_cast<int64_t>(size)},
       size,
       [this](OutputFile& output) {
         for (const auto& [file, range] : rest_) {
           output.copy(*input_.files[file], range);
         }
       }});
  auto text = layout_text(layout_);
  const uint64_t length = text.size();
  sections_.push_back(
      {std::string(kLayoutName),
       Dtype::U8,
       {static_cast<int64_t>(length)},
       length,
       [text = std::move(text)](OutputFile& output) { output.write(text); }});
}

std::map<std::string, std::string> Packer::metadata() const {
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : input_.state.metadata) {
    // Own keys come from packing a packed file again; pickles may contain text
    // that is not UTF-8.
    if (key.compare(0, kOwnPrefix.size(), kOwnPrefix) != 0 && is_utf8(key) &&
        is_utf8(value)) {
      metadata.emplace(key, value);
    }
  }
  metadata.emplace(kFormatKey, kFormatValue);
  metadata.emplace(kVersionKey, kVersionValue);
  metadata.emplace(kContainerKey, format_name(input_.format));
  return metadata;
}

} // namespace
} // namespace io

void pack_checkpoint(
    const Checkpoint& input,
    const std::string& path,
    const PackOptions& options) {
  require_other_file(path, input);
  io::Packer packer(input, options);
  const auto plan = packer.plan();
  OutputFile file(path, plan.size());
  plan.write(file);
  file.commit();
}

bool is_packed(const Checkpoint& checkpoint) {
  const auto& metadata = checkpoint.state.metadata;
  const auto format = metadata.find(std::string(io::kFormatKey));
  return checkpoint.format == CheckpointFormat::Safetensors &&
      format != metadata.end() && format->second == io::kFormatValue;
}

} // namespace coppice
