#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::io {

constexpr std::string_view kFormatKey = "coppice.format";
constexpr std::string_view kFormatValue = "coppice-sparse-bitmask";
constexpr std::string_view kVersionKey = "coppice.version";
constexpr std::string_view kVersionValue = "1";
constexpr std::string_view kContainerKey = "coppice.container";
constexpr std::string_view kLayoutName = "coppice.layout";
constexpr std::string_view kRestName = "coppice.rest";
constexpr std::string_view kOwnPrefix = "coppice.";

/// The next bytes of an original file: those of a tensor, or `rest` bytes of
/// `coppice.rest`.
struct LayoutPart {
  std::optional<std::string> tensor;
  uint64_t rest = 0;
};

struct LayoutFile {
  std::string name; ///< Without a folder.
  uint64_t size = 0;
  uint32_t crc32 = 0;
  std::vector<LayoutPart> parts;
};

/// How to reassemble the original files.
struct Layout {
  std::vector<LayoutFile> files;
};

/// The JSON of a layout.
///
/// Errors: std::invalid_argument if a name is not UTF-8.
std::string layout_text(const Layout& layout);

/// Parses it: valid form, at most `max_tensors` tensors, unique plain file
/// names.
///
/// Errors: FileError, with `path`.
Layout parse_layout(
    const std::string& path,
    std::string_view text,
    size_t max_tensors);

} // namespace coppice::io
