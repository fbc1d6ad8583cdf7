#include "archive/private_mapping.h"

#include <sys/mman.h>

namespace coppice::archive {

std::shared_ptr<std::byte> map_privately(
    const std::shared_ptr<const MappedFile>& file) {
  const auto size = file->size();
  if (size == 0 || file->descriptor() < 0) {
    return nullptr;
  }
  // Without a reserve: else a file larger than memory is refused, as if all of
  // it were to be written to.
  void* const address = mmap(
      nullptr,
      size,
      PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_NORESERVE,
      file->descriptor(),
      0);
  if (address == MAP_FAILED) {
    return nullptr;
  }
  return {static_cast<std::byte*>(address), [file, size](std::byte* begin) {
            munmap(begin, size);
          }};
}

} // namespace coppice::archive
