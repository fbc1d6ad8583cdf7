#include "io/scratch_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "coppice/archive/file_error.h"
#include "io/output_steps.h"

namespace coppice::io {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwn = "coppice-";

std::vector<fs::path> files_in(
    const std::string& path,
    const std::string& start) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator next(path, error);
  for (; !error && next != fs::directory_iterator(); next.increment(error)) {
    const auto name = next->path().filename().string();
    std::error_code ignored;
    if (name.rfind(start, 0) == 0 &&
        fs::is_regular_file(next->symlink_status(ignored))) {
      found.push_back(next->path());
    }
  }
  return found;
}

} // namespace

std::string ScratchFolder::path_for(const std::string& output) {
  return fmt::format(
      "{}/.{}.coppice-scratch",
      folder_of(output),
      fs::path(output).filename().string());
}

bool ScratchFolder::is_there(const std::string& path) {
  std::error_code ignored;
  return !path.empty() && fs::is_directory(path, ignored);
}

bool ScratchFolder::holds(const std::string& path, const std::string& start) {
  return !files_in(path, start).empty();
}

ScratchFolder::ScratchFolder(std::string path) : path_(std::move(path)) {
  while (!open()) {
  }
  flush_folder(folder_of(path_));
}

ScratchFolder::~ScratchFolder() {
  rmdir(path_.c_str()); // Only if nothing is in it.
  close(descriptor_);
}

/// False if another run removed the folder just then.
bool ScratchFolder::open() {
  constexpr mode_t kMode = 0777; // The umask takes from it.
  if (mkdir(path_.c_str(), kMode) != 0 && errno != EEXIST) {
    fail_to_write(path_, errno);
  }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  descriptor_ = ::open(path_.c_str(), kFlags);
  if (descriptor_ < 0) {
    if (errno == ENOENT) {
      return false;
    }
    fail_to_write(path_, errno);
  }
  // Some file systems lock nothing; there nobody is told.
  const bool is_taken =
      flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  struct stat opened {};
  struct stat named {};
  const bool is_there = !is_taken && fstat(descriptor_, &opened) == 0 &&
      stat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino;
  if (!is_there) {
    close(descriptor_);
  }
  if (is_taken) {
    throw OutputError(fmt::format(
        "another run works in {}: wait for its end or choose another output.",
        path_));
  }
  return is_there;
}

void ScratchFolder::clear() {
  for (const auto& path : files_in(path_, kOwn)) {
    unlink(path.c_str());
  }
}

} // namespace coppice::io
