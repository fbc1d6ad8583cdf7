#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "coppice/io/mapped_file.h"

namespace coppice::testing {

/// A file in memory.
inline std::shared_ptr<const MappedFile> file_of(
    const std::string& bytes,
    const std::string& name = "a.safetensors") {
  std::vector<std::byte> copy(bytes.size());
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  return MappedFile::of_bytes(name, std::move(copy));
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
