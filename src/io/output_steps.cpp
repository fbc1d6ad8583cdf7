#include "io/output_steps.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "io/output_file.h"

namespace coppice {
namespace io {
namespace {

namespace fs = std::filesystem;

std::atomic<int> outputs{0};
std::atomic<bool> interrupted{false};
static_assert(std::atomic<int>::is_always_lock_free);

/// System files such as /dev/stdout and /dev/null.
bool is_system_path(const fs::path& path) {
  std::error_code ignored;
  const auto folder =
      fs::weakly_canonical(fs::absolute(path).parent_path(), ignored).string();
  return folder == "/dev" || folder == "/proc" || folder == "/sys" ||
      folder.rfind("/proc/", 0) == 0 || folder.rfind("/sys/", 0) == 0;
}

[[noreturn]] void fail_as_folder(const std::string& target) {
  throw OutputError(fmt::format(
      "{} is a folder, but the output is a file: give a file name, "
      "such as {}{}NAME.",
      target,
      target,
      target.back() == '/' ? "" : "/"));
}

} // namespace

OutputInProgress::OutputInProgress() {
  ++outputs;
}

OutputInProgress::~OutputInProgress() {
  --outputs;
}

void check_interrupted() {
  if (interrupted) {
    throw Interrupted();
  }
}

void fail_to_write(const std::string& target, int reason) {
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

void require_disk_space(const std::string& target, uint64_t size) {
  struct statvfs disk {};
  if (size == 0 || statvfs(folder_of(target).c_str(), &disk) != 0) {
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

std::string folder_of(const std::string& path) {
  const auto folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

void flush_folder(const std::string& folder) {
  const int descriptor =
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
}

void allow_open_files(uint64_t count) {
  constexpr rlim_t kOthers = 256;
  struct rlimit limit {};
  const rlim_t needed = count + kOthers;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(limit.rlim_max, needed);
    setrlimit(RLIMIT_NOFILE, &limit); // If it fails, opening says so.
  }
}

void require_file_name(const std::string& target) {
  if (target.empty()) {
    throw OutputError("the name of the output is empty: give a file name.");
  }
  struct stat status {};
  const bool is_there = stat(target.c_str(), &status) == 0;
  if (target.back() == '/' || (is_there && S_ISDIR(status.st_mode))) {
    fail_as_folder(target);
  }
  if ((is_there && !S_ISREG(status.st_mode)) || is_system_path(target)) {
    throw OutputError(fmt::format(
        "{} cannot be an output, it is a system path or not a regular file: "
        "choose another output.",
        target));
  }
}

void copy_permissions(int descriptor, const std::string& target) {
  struct stat old {};
  if (lstat(target.c_str(), &old) != 0 || !S_ISREG(old.st_mode)) {
    return;
  }
  // Only root may change the owner; otherwise the file is the user's.
  [[maybe_unused]] const int given = fchown(descriptor, old.st_uid, old.st_gid);
  fchmod(descriptor, old.st_mode & 0777);
}

} // namespace io

bool interrupt_output() noexcept {
  if (io::outputs == 0) {
    return false;
  }
  io::interrupted = true;
  return true;
}

} // namespace coppice
