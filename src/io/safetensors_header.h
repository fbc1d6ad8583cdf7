#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coppice/io/checkpoint.h"

namespace coppice::io {

/// The limit of the specification.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

/// The limit of LibTorch.
constexpr size_t kMaxDimensions = 64;

/// An entry of the header. Dtype and shape are valid, but not yet checked
/// against `data`.
struct HeaderEntry {
  std::string name;
  Dtype dtype = Dtype::F32;
  std::vector<int64_t> shape;
  ByteRange data; ///< Relative to the end of the header.
};

struct Header {
  std::vector<HeaderEntry> entries; ///< In file order.
  std::map<std::string, std::string> metadata;
};

/// Parses the JSON of a header: valid form, unique names.
///
/// Errors: FileError, with `path`.
Header parse_header(const std::string& path, std::string_view text);

/// Whether safetensors has the dtype; some of LibTorch's are missing.
bool in_safetensors(Dtype dtype);

} // namespace coppice::io
