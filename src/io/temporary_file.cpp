#include "io/temporary_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

namespace coppice::io {
namespace {

constexpr mode_t kMode = 0666; // Reduced by the umask.

/// Calls `make(path)` with names in `folder` until one is unused. Existing
/// files are never replaced.
template <class Make>
int with_unused_name(
    const std::string& folder,
    std::string& path,
    const Make& make) {
  static std::atomic<unsigned> count{0};
  while (true) {
    path = fmt::format("{}/coppice-tmp-{}-{}", folder, getpid(), count++);
    if (make(path) == 0) {
      return 0;
    }
    if (errno != EEXIST) {
      const int reason = errno;
      path.clear();
      return reason;
    }
  }
}

/// The /proc path of an open file, by which it can be linked.
std::string proc_path(int descriptor) {
  return fmt::format("/proc/self/fd/{}", descriptor);
}

/// The descriptor of an unnamed file; -1 if not supported.
int open_unnamed(const std::string& folder) {
  const int descriptor =
      open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, kMode);
  if (descriptor < 0) {
    return -1;
  }
  // Without /proc it could never be linked.
  struct stat shown {};
  if (stat(proc_path(descriptor).c_str(), &shown) != 0) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

} // namespace

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
  if (!name_.empty()) {
    unlink(name_.c_str());
  }
}

int TemporaryFile::open(const std::string& folder) {
  folder_ = folder;
  descriptor_ = open_unnamed(folder);
  return descriptor_ >= 0 ? 0 : open_named();
}

int TemporaryFile::open_named() {
  return with_unused_name(folder_, name_, [this](const std::string& path) {
    descriptor_ =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
    return descriptor_ < 0 ? -1 : 0;
  });
}

int TemporaryFile::move_to(const std::string& path) {
  if (!name_.empty()) {
    return replace(path);
  }
  const auto shown = proc_path(descriptor_);
  const auto link_as = [&](const std::string& name) {
    return linkat(
        AT_FDCWD, shown.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW);
  };
  if (link_as(path) == 0) {
    return 0;
  }
  if (errno != EEXIST) {
    return errno;
  }
  // linkat cannot replace a file, but rename can, and needs a name: the file
  // has a temporary one between two system calls.
  int reason = with_unused_name(folder_, name_, link_as);
  if (reason == 0 && (reason = replace(path)) != 0) {
    unlink(name_.c_str());
    name_.clear();
  }
  return reason;
}

int TemporaryFile::replace(const std::string& path) {
  if (rename(name_.c_str(), path.c_str()) != 0) {
    return errno;
  }
  name_.clear();
  return 0;
}

bool has_unnamed_files(const std::string& folder) {
  const int descriptor = open_unnamed(folder);
  if (descriptor < 0) {
    return false;
  }
  close(descriptor);
  return true;
}

int make_temporary_folder(const std::string& folder, std::string& path) {
  constexpr mode_t kFolderMode = 0777;
  return with_unused_name(folder, path, [](const std::string& name) {
    return mkdir(name.c_str(), kFolderMode);
  });
}

} // namespace coppice::io
