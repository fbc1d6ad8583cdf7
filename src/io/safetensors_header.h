#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/io/checkpoint.h"

namespace coppice::io {

/// The longest header that the specification allows, in bytes.
constexpr uint64_t kLongestHeader = 100'000'000;

/// LibTorch's own limit; more would be no tensor but an attack.
constexpr size_t kMostDimensions = 64;

/// An entry of the header, as it says; dtype and shape are checked, each for
/// itself.
struct HeaderEntry {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape;
  ByteRange data; ///< Within the buffer that follows the header.
};

struct Header {
  std::vector<HeaderEntry> entries; ///< In the order of the text.
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON of a header: of the right form, no name twice.
///
/// Errors: FileError, with `path`.
Header parse_header(const std::string& path, std::string_view text);

/// Whether safetensors knows a dtype: LibTorch has more of them.
bool in_safetensors(Dtype dtype);

} // namespace coppice::io
