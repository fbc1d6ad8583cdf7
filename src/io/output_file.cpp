#include "coppice/io/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "io/block_writer.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;

/// Smaller files are written through the system's cache: whoever reads them
/// next finds them there.
constexpr uint64_t kLarge = uint64_t(64) << 20;

std::atomic<int> outputs{0};
std::atomic<bool> interrupted{false};
static_assert(std::atomic<int>::is_always_lock_free);

/// One more output, for as long as it lives.
void begin_output() {
  ++outputs;
}

void end_output() {
  --outputs;
}

void check_interrupted() {
  if (interrupted) {
    throw Interrupted();
  }
}

[[noreturn]] void fail_to_write(const std::string& target, int reason) {
  if (reason == ENOSPC || reason == EDQUOT) {
    throw OutputError(fmt::format(
        "{} cannot be written, the disk is full: free some space or choose "
        "another disk.",
        target));
  }
  throw OutputError(fmt::format(
      "{} cannot be written ({}): choose another output folder.",
      target,
      std::strerror(reason)));
}

/// A rename is on the disk when its folder is. Some file systems refuse.
void flush_folder_of(const std::string& path) {
  const auto folder = fs::absolute(path).parent_path();
  const int descriptor =
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
}

void require_room(const std::string& target, uint64_t size) {
  struct statvfs disk {};
  const auto folder = fs::absolute(target).parent_path();
  if (size == 0 || statvfs(folder.c_str(), &disk) != 0) {
    return;
  }
  const uint64_t free = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (free < size) {
    throw OutputError(fmt::format(
        "{} needs {:.1f} MB and its disk has {:.1f} MB left: free some space "
        "or choose another disk.",
        target,
        size / 1e6,
        free / 1e6));
  }
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename());
  }
  return names;
}

/// Whether everything in `old_folder` has a successor in `new_folder`.
void require_replaceable(
    const std::string& old_folder,
    const std::string& new_folder) {
  const auto known = names_in(new_folder);
  for (const auto& name : names_in(old_folder)) {
    if (known.count(name) == 0) {
      throw OutputError(fmt::format(
          "{} holds {}, which would be lost: choose a folder that is new or "
          "empty.",
          old_folder,
          name));
    }
  }
}

} // namespace

bool interrupt_output() noexcept {
  if (outputs == 0) {
    return false;
  }
  interrupted = true;
  return true;
}

OutputFile::OutputFile(std::string target, uint64_t size)
    : target_(std::move(target)),
      path_(fmt::format("{}.tmp-{}", target_, getpid())) {
  check_interrupted();
  require_room(target_, size);
  begin_output(); // Before there is a file that an interrupt would leave.
  descriptor_ =
      open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int reason = errno;
    end_output();
    fail(reason);
  }
  if (size >= kLarge) {
    blocks_ = std::make_unique<io::BlockWriter>(descriptor_);
  }
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) {
    discard();
  }
}

void OutputFile::discard() {
  blocks_.reset(); // Waits for its last write.
  close(descriptor_);
  descriptor_ = -1;
  unlink(path_.c_str()); // Does nothing once it was renamed.
  end_output();
}

void OutputFile::fail(int reason) const {
  fail_to_write(target_, reason);
}

void OutputFile::write(const void* data, uint64_t size) {
  const auto* next = static_cast<const char*>(data);
  // Pieces, so that an interrupt is heard.
  constexpr uint64_t kPiece = uint64_t(16) << 20;
  if (blocks_) {
    check_interrupted();
    if (const int reason = blocks_->append(data, size)) {
      fail(reason);
    }
    size_ += size;
    return;
  }
  while (size > 0) {
    check_interrupted();
    const auto written = ::write(descriptor_, next, std::min(size, kPiece));
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
    check_interrupted();
    auto offset = static_cast<off_t>(range.begin);
    const auto copied = copy_file_range(
        from.descriptor(),
        &offset,
        descriptor_,
        nullptr,
        std::min(kPiece, range.end - range.begin),
        0);
    if (copied <= 0) { // Another file system, or an old kernel.
      write(from.data() + range.begin, range.end - range.begin);
      return;
    }
    range.begin += copied;
    size_ += copied;
  }
}

/// Once blocks have an end, what follows is written without them.
void OutputFile::finish_blocks() {
  if (!blocks_) {
    return;
  }
  const int reason = blocks_->finish();
  blocks_.reset();
  if (reason != 0) {
    fail(reason);
  }
  lseek(descriptor_, static_cast<off_t>(size_), SEEK_SET);
}

void OutputFile::overwrite(uint64_t offset, std::string_view bytes) {
  finish_blocks();
  while (!bytes.empty()) {
    const auto written = pwrite(
        descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno != EINTR) {
      fail(errno);
    }
    const uint64_t done = written < 0 ? 0 : written;
    bytes.remove_prefix(done);
    offset += done;
  }
}

void OutputFile::commit() {
  check_interrupted();
  finish_blocks();
  if (fsync(descriptor_) != 0) {
    fail(errno);
  }
  if (rename(path_.c_str(), target_.c_str()) != 0) {
    fail(errno);
  }
  flush_folder_of(target_);
  discard();
}

OutputFolder::OutputFolder(std::string target)
    : target_(without_slash(std::move(target))),
      path_(fmt::format("{}.tmp-{}", target_, getpid())) {
  std::error_code error;
  fs::remove_all(path_, error);
  fs::create_directories(path_, error);
  if (error) {
    fail_to_write(target_, error.value());
  }
  begin_output();
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  end_output();
}

void OutputFolder::commit() {
  check_interrupted();
  flush_folder_of(path_ + "/x");
  if (rename(path_.c_str(), target_.c_str()) == 0) {
    flush_folder_of(target_);
    return;
  }
  if (errno != ENOTEMPTY && errno != EEXIST) {
    fail_to_write(target_, errno);
  }
  require_replaceable(target_, path_);
  // The two trade names in one step; the old folder then goes as the temporary
  // one.
  if (renameat2(
          AT_FDCWD,
          path_.c_str(),
          AT_FDCWD,
          target_.c_str(),
          RENAME_EXCHANGE) != 0) {
    fail_to_write(target_, errno);
  }
  flush_folder_of(target_);
}

void write_file(const std::string& path, std::string_view bytes) {
  OutputFile file(path, bytes.size());
  file.write(bytes);
  file.commit();
}

void require_writable(const std::string& path) {
  std::error_code error;
  const auto folder = fs::absolute(path).parent_path();
  fs::create_directories(folder, error);
  if (error) {
    throw OutputError(fmt::format(
        "the folder {} cannot be made ({}): choose another output folder.",
        folder.string(),
        error.message()));
  }
  OutputFile probe(path);
}

void require_other_file(const std::string& target, const Checkpoint& input) {
  for (const auto& file : input.files) {
    std::error_code ignored;
    if (fs::equivalent(target, file->path(), ignored)) {
      throw OutputError(fmt::format(
          "{} is the input itself, which is never overwritten: choose another "
          "output.",
          target));
    }
  }
}

} // namespace coppice
