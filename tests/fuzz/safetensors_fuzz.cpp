#include <cstdint>
#include <cstring>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "io/formats.h"

namespace coppice {
namespace {

/// Touches every byte that a reader vouches for.
unsigned sum_of(const Checkpoint& checkpoint) {
  unsigned sum = 0;
  for (const auto& tensor : checkpoint.state.tensors) {
    for (uint64_t i = 0; i < tensor.nbytes(); ++i) {
      sum += std::to_integer<unsigned>(tensor.data[i]);
    }
  }
  return sum;
}

void read_all(const std::shared_ptr<const MappedFile>& file) {
  if (io::is_safetensors_index(*file)) {
    io::read_safetensors_index(file);
    return;
  }
  io::is_safetensors(*file);
  const auto checkpoint = io::read_safetensors(file);
  volatile unsigned sum = sum_of(checkpoint);
  (void)sum;
}

} // namespace
} // namespace coppice

/// Readers of safetensors files and of their index, and what unpacks sparse
/// ones: nothing but FileError may come out.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size > 0) {
    std::memcpy(bytes.data(), data, size);
  }
  try {
    coppice::read_all(
        coppice::MappedFile::of_bytes("/nowhere/fuzz", std::move(bytes)));
  } catch (const coppice::FileError&) {
  }
  return 0;
}
