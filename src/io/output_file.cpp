#include "io/output_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "io/block_writer.h"
#include "io/output_folder.h"
#include "io/output_steps.h"
#include "io/temporary_file.h"

namespace coppice {
namespace {

/// Smaller files are written through the page cache, where the next reader
/// finds them.
constexpr uint64_t kMinDirect = uint64_t(64) << 20;

} // namespace

OutputFile::OutputFile(std::string target, uint64_t size)
    : target_(std::move(target)) {
  io::check_interrupted();
  io::require_file_name(target_);
  io::require_disk_space(target_, size);
  open(io::folder_of(target_), size);
}

OutputFile::OutputFile(
    OutputFolder& folder,
    const std::string& name,
    uint64_t size)
    : target_(fmt::format("{}/{}", folder.target_, name)),
      folder_(&folder),
      name_(name) {
  io::check_interrupted();
  io::require_disk_space(folder.made_in_ + "/" + name, size);
  open(folder.made_in_, size);
}

OutputFile::~OutputFile() {
  close();
}

void OutputFile::open(const std::string& folder, uint64_t size) {
  // First, so that an interrupt finds the file.
  in_progress_ = std::make_unique<io::OutputInProgress>();
  file_ = std::make_unique<io::TemporaryFile>();
  if (const int reason = file_->open(folder)) {
    fail(reason);
  }
  if (size >= kMinDirect) {
    blocks_ = std::make_unique<io::BlockWriter>(file_->descriptor());
  }
}

void OutputFile::close() {
  blocks_.reset(); // Waits for the last write.
  file_.reset();   // Removes the file unless committed.
  in_progress_.reset();
}

void OutputFile::fail(int reason) const {
  io::fail_to_write(target_, reason);
}

void OutputFile::write(const void* data, uint64_t size) {
  const auto* next = static_cast<const char*>(data);
  // In pieces, to react to interrupts.
  constexpr uint64_t kPiece = uint64_t(16) << 20;
  if (blocks_) {
    io::check_interrupted();
    if (const int reason = blocks_->append(data, size)) {
      fail(reason);
    }
    size_ += size;
    return;
  }
  while (size > 0) {
    io::check_interrupted();
    const auto written =
        ::write(file_->descriptor(), next, std::min(size, kPiece));
    if (written < 0 && errno != EINTR) {
      fail(errno);
    }
    const uint64_t done = written < 0 ? 0 : written;
    next += done;
    size -= done;
    size_ += done;
  }
}

void OutputFile::copy(const MappedFile& from, ByteRange range) {
  constexpr uint64_t kPiece = uint64_t(64) << 20;
  while (blocks_ && range.begin < range.end) {
    const uint64_t piece = std::min(kPiece, range.end - range.begin);
    write(from.data() + range.begin, piece);
    range.begin += piece;
  }
  while (range.begin < range.end) {
    io::check_interrupted();
    auto offset = static_cast<off_t>(range.begin);
    const auto copied = copy_file_range(
        from.descriptor(),
        &offset,
        file_->descriptor(),
        nullptr,
        std::min(kPiece, range.end - range.begin),
        0);
    if (copied <= 0) { // Other file system, or old kernel.
      write(from.data() + range.begin, range.end - range.begin);
      return;
    }
    range.begin += copied;
    size_ += copied;
  }
}

/// Ends the block writer; later writes go to the descriptor.
void OutputFile::finish_blocks() {
  if (!blocks_) {
    return;
  }
  const int reason = blocks_->finish();
  blocks_.reset();
  if (reason != 0) {
    fail(reason);
  }
  lseek(file_->descriptor(), static_cast<off_t>(size_), SEEK_SET);
}

void OutputFile::overwrite(uint64_t offset, std::string_view bytes) {
  finish_blocks();
  while (!bytes.empty()) {
    const auto written = pwrite(
        file_->descriptor(),
        bytes.data(),
        bytes.size(),
        static_cast<off_t>(offset));
    if (written < 0 && errno != EINTR) {
      fail(errno);
    }
    const uint64_t done = written < 0 ? 0 : written;
    bytes.remove_prefix(done);
    offset += done;
  }
}

void OutputFile::commit() {
  io::check_interrupted();
  finish_blocks();
  if (!folder_) {
    io::copy_permissions(file_->descriptor(), target_);
  }
  if (fsync(file_->descriptor()) != 0) {
    fail(errno);
  }
  if (folder_) {
    folder_->add(name_, std::move(file_));
  } else if (const int reason = file_->move_to(target_)) {
    fail(reason);
  } else {
    io::flush_folder(io::folder_of(target_));
  }
  close();
}

void write_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path, bytes.size());
  file.write(bytes);
  file.commit();
}

void require_writable(const std::string& path) {
  io::require_file_name(path);
  std::error_code error;
  const auto folder = io::folder_of(path);
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw OutputError(fmt::format(
        "the folder {} cannot be created ({}): choose another output folder.",
        folder,
        error.message()));
  }
  // A kill could leave a named test file: without O_TMPFILE only permissions
  // are checked.
  if (!io::has_unnamed_files(folder) &&
      access(folder.c_str(), W_OK | X_OK) != 0) {
    io::fail_to_write(path, errno);
  }
}

} // namespace coppice
