#include "io/block_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace coppice::io {
namespace {

constexpr uint64_t kBlock = uint64_t(8) << 20;
/// O_DIRECT wants addresses, offsets and sizes to be multiples of this.
constexpr size_t kAlignment = 4096;

int set_direct(int descriptor, bool is_direct) {
  const int flags = fcntl(descriptor, F_GETFL);
  return fcntl(
      descriptor, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT);
}

int write_at(
    int descriptor,
    const std::byte* bytes,
    uint64_t size,
    uint64_t offset) {
  while (size > 0) {
    const auto written =
        pwrite(descriptor, bytes, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINVAL && set_direct(descriptor, false) == 0) {
      continue; // No O_DIRECT after all.
    }
    if (written < 0 && errno != EINTR) {
      return errno;
    }
    const uint64_t done = written < 0 ? 0 : written;
    bytes += done;
    size -= done;
    offset += done;
  }
  return 0;
}

} // namespace

void BlockWriter::Free::operator()(std::byte* bytes) const {
  std::free(bytes);
}

BlockWriter::Block BlockWriter::make_block() {
  auto* const bytes =
      static_cast<std::byte*>(std::aligned_alloc(kAlignment, kBlock));
  if (!bytes) {
    throw std::bad_alloc();
  }
  return Block(bytes);
}

BlockWriter::BlockWriter(int descriptor)
    : descriptor_(descriptor), blocks_{make_block(), make_block()} {
  set_direct(descriptor_, true); // Without it, the page cache serves.
}

BlockWriter::~BlockWriter() {
  wait();
}

int BlockWriter::append(const void* data, uint64_t size) {
  const auto* next = static_cast<const std::byte*>(data);
  while (size > 0) {
    const uint64_t piece = std::min(size, kBlock - filled_);
    std::memcpy(blocks_[filling_].get() + filled_, next, piece);
    filled_ += piece;
    next += piece;
    size -= piece;
    if (filled_ == kBlock) {
      if (const int error = write_filled()) {
        return error;
      }
    }
  }
  return 0;
}

int BlockWriter::finish() {
  if (const int error = wait()) {
    return error;
  }
  set_direct(descriptor_, false); // The last block is unaligned.
  const uint64_t size = std::exchange(filled_, 0);
  return write_at(descriptor_, blocks_[filling_].get(), size, written_);
}

int BlockWriter::write_filled() {
  if (const int error = wait()) {
    return error;
  }
  writing_ = std::async(
      std::launch::async,
      write_at,
      descriptor_,
      blocks_[filling_].get(),
      kBlock,
      written_);
  written_ += kBlock;
  filling_ = 1 - filling_;
  filled_ = 0;
  return 0;
}

/// Waits for the current write. Returns its result.
int BlockWriter::wait() {
  return writing_.valid() ? writing_.get() : 0;
}

} // namespace coppice::io
