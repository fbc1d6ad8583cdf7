#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "coppice/archive/mapped_file.h"

namespace coppice::testing {

inline std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

/// A file in memory.
inline std::shared_ptr<const MappedFile> file_of(
    const std::string& bytes,
    const std::string& name = "a.safetensors") {
  return MappedFile::of_bytes(name, bytes_of(bytes));
}

/// A safetensors file of a header and the data behind it.
inline std::string safetensors(
    const std::string& header,
    const std::string& data = "") {
  std::string length(8, '\0');
  const uint64_t size = header.size();
  std::memcpy(length.data(), &size, sizeof(size));
  return length + header + data;
}

} // namespace coppice::testing
