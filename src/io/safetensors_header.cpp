#include "io/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "io/json_events.h"

namespace coppice::io {
namespace {

/// A state machine for the form of a header.
class HeaderEvents : public JsonEvents {
 public:
  Header take() {
    return std::move(header_);
  }

  bool start_object() override;
  bool end_object() override;
  bool start_array() override;
  bool end_array() override;
  bool key(std::string& name) override;
  bool text(std::string& value) override;
  bool number(uint64_t value) override;
  bool other(std::string_view value) override;

 private:
  enum class At {
    Start,
    Names, ///< In the outer object.
    MetadataStart,
    Metadata,
    MetadataText,
    EntryStart,
    Entry,
    Dtype,
    ShapeStart,
    Shape,
    OffsetsStart,
    Offsets,
    End,
  };

  HeaderEntry& entry() {
    return header_.entries.back();
  }
  bool to(At next) {
    at_ = next;
    return true;
  }
  bool fail(std::string_view problem);
  bool start_entry(std::string& name);
  bool entry_key(std::string_view name);
  bool end_entry();

  At at_ = At::Start;
  Header header_;
  std::string metadata_key_;
  bool has_metadata_ = false;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  size_t offsets_ = 0;
  bool has_offsets_ = false;
};

bool HeaderEvents::fail(std::string_view problem) {
  return refuse(
      fmt::format("has tensor {} with {}", in_quotes(entry().name), problem));
}

bool HeaderEvents::start_object() {
  switch (at_) {
    case At::Start:
      return to(At::Names);
    case At::MetadataStart:
      return to(At::Metadata);
    case At::EntryStart:
      return to(At::Entry);
    default:
      return JsonEvents::start_object();
  }
}

bool HeaderEvents::end_object() {
  switch (at_) {
    case At::Names:
      return to(At::End);
    case At::Metadata:
      return to(At::Names);
    case At::Entry:
      return end_entry();
    default:
      return JsonEvents::end_object();
  }
}

bool HeaderEvents::start_array() {
  switch (at_) {
    case At::ShapeStart:
      return to(At::Shape);
    case At::OffsetsStart:
      return to(At::Offsets);
    default:
      return JsonEvents::start_array();
  }
}

bool HeaderEvents::end_array() {
  if (at_ == At::Offsets && offsets_ != 2) {
    return fail("one data offset instead of two");
  }
  return to(At::Entry);
}

bool HeaderEvents::key(std::string& name) {
  switch (at_) {
    case At::Names:
      return start_entry(name);
    case At::Metadata:
      metadata_key_ = std::move(name);
      return to(At::MetadataText);
    default:
      return entry_key(name);
  }
}

bool HeaderEvents::start_entry(std::string& name) {
  if (name == "__metadata__") {
    if (std::exchange(has_metadata_, true)) {
      return refuse("holds `__metadata__` twice");
    }
    return to(At::MetadataStart);
  }
  header_.entries.emplace_back();
  entry().name = std::move(name);
  has_dtype_ = has_shape_ = has_offsets_ = false;
  offsets_ = 0;
  return to(At::EntryStart);
}

bool HeaderEvents::entry_key(std::string_view name) {
  const auto once = [&](bool& seen, At next) {
    return std::exchange(seen, true)
        ? fail(fmt::format("{} twice", in_quotes(name)))
        : to(next);
  };
  if (name == "dtype") {
    return once(has_dtype_, At::Dtype);
  }
  if (name == "shape") {
    return once(has_shape_, At::ShapeStart);
  }
  if (name == "data_offsets") {
    return once(has_offsets_, At::OffsetsStart);
  }
  return fail(fmt::format("the unknown key {}", in_quotes(name)));
}

bool HeaderEvents::end_entry() {
  if (!has_dtype_ || !has_shape_ || !has_offsets_) {
    return fail(fmt::format(
        "no {}",
        !has_dtype_       ? "dtype"
            : !has_shape_ ? "shape"
                          : "data_offsets"));
  }
  return to(At::Names);
}

bool HeaderEvents::text(std::string& value) {
  if (at_ == At::MetadataText) {
    if (!header_.metadata.emplace(metadata_key_, std::move(value)).second) {
      return refuse(
          fmt::format("holds metadata {} twice", in_quotes(metadata_key_)));
    }
    return to(At::Metadata);
  }
  if (at_ != At::Dtype) {
    return JsonEvents::text(value);
  }
  const auto dtype = dtype_of_name(value);
  if (!dtype || !in_safetensors(*dtype)) {
    return fail(fmt::format("the unknown dtype {}", in_quotes(value)));
  }
  entry().dtype = *dtype;
  return to(At::Entry);
}

bool HeaderEvents::number(uint64_t value) {
  if (at_ == At::Shape) {
    constexpr int64_t kMaxSize = std::numeric_limits<int64_t>::max();
    if (value > static_cast<uint64_t>(kMaxSize)) {
      return fail(fmt::format("size {}, which is too large", value));
    }
    if (entry().shape.size() == kMaxDimensions) {
      return fail(fmt::format("more than {} dimensions", kMaxDimensions));
    }
    entry().shape.push_back(static_cast<int64_t>(value));
    return true;
  }
  if (at_ == At::Offsets) {
    if (offsets_ == 2) {
      return fail("three data offsets instead of two");
    }
    (offsets_++ == 0 ? entry().data.begin : entry().data.end) = value;
    return true;
  }
  return JsonEvents::number(value);
}

bool HeaderEvents::other(std::string_view value) {
  value = value.substr(0, 40);
  if (at_ == At::Shape || at_ == At::Offsets) {
    return fail(fmt::format(
        "{} {}, which is not a nonnegative integer",
        at_ == At::Shape ? "size" : "data offset",
        value));
  }
  if (at_ == At::MetadataText) {
    return refuse(fmt::format(
        "holds metadata {} that is {}, not a string",
        in_quotes(metadata_key_),
        value));
  }
  return JsonEvents::other(value);
}

void require_unique(const std::string& path, const Header& header) {
  std::vector<std::string_view> names;
  names.reserve(header.entries.size());
  for (const auto& entry : header.entries) {
    names.push_back(entry.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    throw FileError(fmt::format(
        "{}: its header holds tensor {} twice; write the file again.",
        path,
        in_quotes(*twice)));
  }
}

} // namespace

Header parse_header(const std::string& path, std::string_view text) {
  HeaderEvents events;
  const auto problem = read_json(text, events);
  if (!problem.empty()) {
    throw FileError(
        fmt::format("{}: its header {}; write the file again.", path, problem));
  }
  auto header = events.take();
  require_unique(path, header);
  return header;
}

bool in_safetensors(Dtype dtype) {
  switch (dtype) {
    case Dtype::C128:
    case Dtype::QINT8:
    case Dtype::QUINT8:
    case Dtype::QINT32:
      return false;
    default:
      return true;
  }
}

} // namespace coppice::io
