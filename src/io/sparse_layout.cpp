#include "io/sparse_layout.h"

#include <fmt/format.h>

#include <limits>
#include <set>
#include <utility>

#include "coppice/archive/file_error.h"
#include "io/json_events.h"
#include "io/plain_name.h"

namespace coppice::io {
namespace {

class LayoutEvents : public JsonEvents {
 public:
  explicit LayoutEvents(size_t max_tensors) : tensors_left_(max_tensors) {}

  Layout take() {
    return std::move(layout_);
  }

  bool start_object() override;
  bool end_object() override;
  bool start_array() override;
  bool end_array() override;
  bool key(std::string& name) override;
  bool text(std::string& value) override;
  bool number(uint64_t value) override;

 private:
  enum class At {
    Start,
    Top,
    FilesStart,
    Files,
    File,
    Name,
    Size,
    Crc32,
    PartsStart,
    Parts,
    End,
  };

  LayoutFile& file() {
    return layout_.files.back();
  }
  bool to(At next) {
    at_ = next;
    return true;
  }
  bool file_key(std::string_view name);
  bool end_file();
  bool name_file(std::string& name);
  bool add_tensor(std::string& name);
  bool add_rest(uint64_t bytes);

  At at_ = At::Start;
  size_t tensors_left_;
  Layout layout_;
  std::set<std::string_view> seen_keys_; ///< Of `kFileKeys`.
  std::set<std::string> seen_names_;
};

constexpr std::string_view kFileKeys[] = {"name", "size", "crc32", "parts"};

bool LayoutEvents::start_object() {
  switch (at_) {
    case At::Start:
      return to(At::Top);
    case At::Files:
      layout_.files.emplace_back();
      seen_keys_.clear();
      return to(At::File);
    default:
      return JsonEvents::start_object();
  }
}

bool LayoutEvents::end_object() {
  switch (at_) {
    case At::Top:
      return layout_.files.empty() ? refuse("names no file") : to(At::End);
    case At::File:
      return end_file();
    default:
      return JsonEvents::end_object();
  }
}

bool LayoutEvents::end_file() {
  if (seen_keys_.size() != std::size(kFileKeys)) {
    return refuse("lacks a member of a file");
  }
  return to(At::Files);
}

bool LayoutEvents::start_array() {
  switch (at_) {
    case At::FilesStart:
      return to(At::Files);
    case At::PartsStart:
      return to(At::Parts);
    default:
      return JsonEvents::start_array();
  }
}

bool LayoutEvents::end_array() {
  return to(at_ == At::Parts ? At::File : At::Top);
}

bool LayoutEvents::key(std::string& name) {
  if (at_ == At::File) {
    return file_key(name);
  }
  if (name != "files" || !layout_.files.empty()) {
    return JsonEvents::key(name);
  }
  return to(At::FilesStart);
}

bool LayoutEvents::file_key(std::string_view name) {
  constexpr At kNext[] = {At::Name, At::Size, At::Crc32, At::PartsStart};
  for (size_t i = 0; i < std::size(kFileKeys); ++i) {
    if (name == kFileKeys[i] && seen_keys_.insert(kFileKeys[i]).second) {
      return to(kNext[i]);
    }
  }
  return refuse(fmt::format(
      "has the unknown or repeated member {} of a file", in_quotes(name)));
}

bool LayoutEvents::text(std::string& value) {
  switch (at_) {
    case At::Name:
      return name_file(value);
    case At::Parts:
      return add_tensor(value);
    default:
      return JsonEvents::text(value);
  }
}

bool LayoutEvents::name_file(std::string& name) {
  if (!is_plain_name(name)) {
    return refuse(fmt::format(
        "names {}, which is not a plain file name", in_quotes(name)));
  }
  if (!seen_names_.insert(name).second) {
    return refuse(fmt::format("names the file {} twice", in_quotes(name)));
  }
  file().name = std::move(name);
  return to(At::File);
}

bool LayoutEvents::add_tensor(std::string& name) {
  if (tensors_left_-- == 0) {
    return refuse("names more tensors than there are");
  }
  file().parts.push_back({std::move(name), 0});
  return true;
}

bool LayoutEvents::add_rest(uint64_t bytes) {
  auto& parts = file().parts;
  // Otherwise a short text could make a long list.
  if (bytes == 0 || (!parts.empty() && !parts.back().tensor)) {
    return refuse("holds a part of the rest that is empty or in two pieces");
  }
  parts.push_back({std::nullopt, bytes});
  return true;
}

bool LayoutEvents::number(uint64_t value) {
  switch (at_) {
    case At::Size:
      file().size = value;
      return to(At::File);
    case At::Crc32:
      if (value > std::numeric_limits<uint32_t>::max()) {
        return refuse(fmt::format("has crc32 {}, which is too large", value));
      }
      file().crc32 = static_cast<uint32_t>(value);
      return to(At::File);
    case At::Parts:
      return add_rest(value);
    default:
      return JsonEvents::number(value);
  }
}

std::string file_text(const LayoutFile& file) {
  std::string parts;
  for (const auto& part : file.parts) {
    parts += parts.empty() ? "" : ",";
    parts += part.tensor ? json_text(*part.tensor) : std::to_string(part.rest);
  }
  return fmt::format(
      R"({{"name":{},"size":{},"crc32":{},"parts":[{}]}})",
      json_text(file.name),
      file.size,
      file.crc32,
      parts);
}

} // namespace

std::string layout_text(const Layout& layout) {
  std::string files;
  for (const auto& file : layout.files) {
    files += (files.empty() ? "" : ",") + file_text(file);
  }
  return fmt::format(R"({{"files":[{}]}})", files);
}

Layout parse_layout(
    const std::string& path,
    std::string_view text,
    size_t max_tensors) {
  LayoutEvents events(max_tensors);
  const auto problem = read_json(text, events);
  if (!problem.empty()) {
    throw FileError(fmt::format(
        "{}: its {} {}; pack the original again.", path, kLayoutName, problem));
  }
  return events.take();
}

} // namespace coppice::io
