#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "coppice/archive/mapped_file.h"

namespace coppice::fuzz {

/// Bytes as a file that is on no disk.
inline std::shared_ptr<const MappedFile> memory_file(
    const uint8_t* data,
    size_t size) {
  const int descriptor = memfd_create("input", MFD_CLOEXEC);
  if (descriptor < 0 ||
      write(descriptor, data, size) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  auto file = MappedFile::open("/proc/self/fd/" + std::to_string(descriptor));
  close(descriptor);
  return file;
}

} // namespace coppice::fuzz
