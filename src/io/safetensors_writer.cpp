#include "io/safetensors_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "coppice/io/safetensors.h"
#include "io/json_events.h"
#include "io/safetensors_header.h"

namespace coppice {
namespace io {
namespace {

[[noreturn]] void fail(const std::string& name, std::string_view problem) {
  throw OutputError(fmt::format(
      "tensor {} cannot be written as safetensors: {}.",
      in_quotes(name),
      problem));
}

std::string json_text_or_fail(const std::string& text) {
  try {
    return json_text(text);
  } catch (const std::invalid_argument&) {
    fail(text, "its name or metadata is not UTF-8; rename it");
  }
}

void check_sections(const std::vector<Section>& sections) {
  std::vector<std::string_view> names;
  for (const auto& section : sections) {
    if (section.name == "__metadata__") {
      fail(section.name, "the format reserves this name; rename it");
    }
    if (!in_safetensors(section.dtype)) {
      fail(
          section.name,
          fmt::format(
              "the format has no {}; convert it", dtype_name(section.dtype)));
    }
    names.push_back(section.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    fail(std::string(*twice), "the name is not unique; rename one");
  }
}

std::string entry_text(const Section& section, uint64_t begin) {
  return fmt::format(
      R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
      json_text_or_fail(section.name),
      dtype_name(section.dtype),
      fmt::join(section.shape, ","),
      begin,
      begin + section.nbytes);
}

std::string metadata_text(const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> members;
  for (const auto& [key, value] : metadata) {
    members.push_back(json_text_or_fail(key) + ":" + json_text_or_fail(value));
  }
  return fmt::format("\"__metadata__\":{{{}}}", fmt::join(members, ","));
}

/// The length prefix: 8 bytes, little-endian.
std::string length_bytes(uint64_t length) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) {
    bytes += static_cast<char>(length >> shift & 0xff);
  }
  return bytes;
}

std::string header_of(
    const std::vector<Section>& sections,
    const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  if (!metadata.empty()) {
    text += metadata_text(metadata);
  }
  uint64_t offset = 0;
  for (const auto& section : sections) {
    text += (text.size() > 1 ? "," : "") + entry_text(section, offset);
    offset += section.nbytes;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > kMaxHeaderBytes) {
    throw OutputError(fmt::format(
        "the header of {} tensors would have {} bytes, but safetensors allows "
        "{}: write several files.",
        sections.size(),
        text.size(),
        kMaxHeaderBytes));
  }
  return length_bytes(text.size()) + text;
}

/// Writes dimensions `from` and up of `tensor`, from the element `data` on.
void write_strided(
    BufferedOutput& output,
    const StoredTensor& tensor,
    size_t from,
    const std::byte* data) {
  const auto width = static_cast<int64_t>(dtype_bits(tensor.dtype) / 8);
  if (from == tensor.shape.size()) {
    output.write(data, static_cast<size_t>(width));
    return;
  }
  const int64_t step = tensor.strides[from] * width;
  for (int64_t i = 0; i < tensor.shape[from]; ++i) {
    write_strided(output, tensor, from + 1, data + i * step);
  }
}

} // namespace

Section section_of(const StoredTensor& tensor) {
  Section section;
  section.name = tensor.name;
  section.dtype = tensor.dtype;
  section.shape = tensor.shape;
  section.nbytes = tensor.nbytes();
  if (tensor.numel() * dtype_bits(tensor.dtype) % 8 != 0) {
    fail(tensor.name, "its elements do not fill the last byte; pad it");
  }
  if (tensor.is_contiguous()) {
    section.write = [&tensor](OutputFile& file) {
      file.write(tensor.data, tensor.nbytes());
    };
    return section;
  }
  if (dtype_bits(tensor.dtype) % 8 != 0) {
    fail(
        tensor.name,
        "elements of less than a byte must be contiguous; copy it");
  }
  section.write = [&tensor](OutputFile& file) {
    BufferedOutput output(file);
    write_strided(output, tensor, 0, tensor.data);
    output.flush();
  };
  return section;
}

SafetensorsPlan plan_safetensors(
    std::vector<Section> sections,
    const std::map<std::string, std::string>& metadata) {
  check_sections(sections);
  // `Dtype` has the order of the reference library.
  std::sort(sections.begin(), sections.end(), [](const auto& a, const auto& b) {
    return std::tie(b.dtype, a.name) < std::tie(a.dtype, b.name);
  });
  auto header = header_of(sections, metadata);
  return {std::move(header), std::move(sections)};
}

uint64_t SafetensorsPlan::size() const {
  uint64_t size = header.size();
  for (const auto& section : sections) {
    size += section.nbytes;
  }
  return size;
}

void SafetensorsPlan::write(OutputFile& file) const {
  file.write(header);
  for (const auto& section : sections) {
    section.write(file);
  }
}

} // namespace io

namespace {

io::SafetensorsPlan plan_of(const StateDict& state) {
  std::vector<io::Section> sections;
  sections.reserve(state.tensors.size());
  for (const auto& tensor : state.tensors) {
    sections.push_back(io::section_of(tensor));
  }
  return io::plan_safetensors(std::move(sections), state.metadata);
}

} // namespace

void save_safetensors(const std::string& path, const StateDict& state) {
  const auto plan = plan_of(state);
  std::set<std::string> sources;
  for (const auto& tensor : state.tensors) {
    sources.insert(MappedFile::path_of(tensor.data));
  }
  require_other_file(path, {sources.begin(), sources.end()});
  OutputFile file(path, plan.size());
  plan.write(file);
  file.commit();
}

} // namespace coppice
