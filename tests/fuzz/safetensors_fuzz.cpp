#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "coppice/io/checkpoint.h"
#include "coppice/io/sparse_checkpoint.h"
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

/// A place in memory, one a process.
std::string output_path() {
  return "/dev/shm/coppice-fuzz-" + std::to_string(getpid());
}

void read_all(const std::shared_ptr<const MappedFile>& file) {
  if (io::is_shard_index(*file)) {
    io::read_shard_index(file);
    return;
  }
  io::is_safetensors(*file);
  const auto checkpoint = io::read_safetensors(file);
  volatile unsigned sum = sum_of(checkpoint);
  static_cast<void>(sum);
  if (is_packed(checkpoint)) {
    unpack_checkpoint(checkpoint, output_path());
  }
}

} // namespace
} // namespace coppice

/// Readers of safetensors files and of their index, and what unpacks sparse
/// ones: nothing but FileError and OutputError may come out.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(size);
  if (size > 0) {
    std::memcpy(bytes.data(), data, size);
  }
  try {
    coppice::read_all(
        coppice::MappedFile::of_bytes("/nowhere/fuzz", std::move(bytes)));
  } catch (const coppice::FileError&) {
  } catch (const coppice::OutputError&) {
    // Such as a folder where the latest output was a file.
  }
  std::error_code ignored;
  std::filesystem::remove_all(coppice::output_path(), ignored);
  return 0;
}
